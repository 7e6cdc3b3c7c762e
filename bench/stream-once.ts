/**
 * Seals or opens one file as a stream, and prints a {@link StreamReport}. Arguments: what to do, the recipients' or the
 * private key's file, the file to read, the file to write.
 */
import { createReadStream } from "node:fs";
import { open, readFile } from "node:fs/promises";
import process from "node:process";
import { openStream, parseIdentities, parseRecipient, sealStream } from "#secrets";

export interface StreamReport {
  /** From reading the key to the last byte written. */
  readonly seconds: number;
  readonly peakBytes: number;
}

export type StreamAction = "seal" | "open";

const PART_BYTES = 1024 * 1024;

const [action = "", keyFile = "", from = "", to = ""] = process.argv.slice(1);
const startedAt = performance.now();
const source = createReadStream(from, { highWaterMark: PART_BYTES });
await write(action === "seal" ? await seal() : await unseal());
const report: StreamReport = {
  seconds: (performance.now() - startedAt) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(report));

async function seal(): Promise<AsyncIterable<Buffer>> {
  const lines = (await readFile(keyFile, "utf8")).trim().split("\n");
  return sealStream(source, await Promise.all(lines.map((line) => parseRecipient(line))));
}

async function unseal(): Promise<AsyncIterable<Buffer>> {
  return openStream(source, await parseIdentities(await readFile(keyFile, "latin1"), { file: keyFile }));
}

/** Writes while the next part is made, which a stream of Node's does not: it waits until all before is written. */
async function write(parts: AsyncIterable<Buffer>): Promise<void> {
  await using file = await open(to, "w");
  let writing: Promise<unknown> = Promise.resolve();
  let batch: Buffer[] = [];
  let bytes = 0;
  for await (const part of parts) {
    batch.push(part);
    bytes += part.length;
    if (bytes < PART_BYTES) continue;
    await writing;
    writing = file.writev(batch);
    batch = [];
    bytes = 0;
  }
  await writing;
  await file.writev(batch);
}
