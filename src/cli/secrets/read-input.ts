import { Plaintext } from "#secrets";
import type { Terminal } from "../terminal/terminal.ts";

/** What comes on standard input, whole; undefined when that is a terminal, and an editor is asked for. */
export async function readInput({ stdin }: Terminal): Promise<Plaintext | undefined> {
  if (stdin === undefined || stdin.isTTY === true) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  try {
    return new Plaintext(Buffer.concat(chunks));
  } finally {
    for (const chunk of chunks) chunk.fill(0);
  }
}
