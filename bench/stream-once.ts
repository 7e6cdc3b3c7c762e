/**
 * Seals or opens one file as a stream, and prints a {@link StreamReport}. Arguments: what to do, the recipients' or the
 * private key's file, the file to read, the file to write.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import { openStream, parseIdentities, parseRecipient } from "#secrets";
import type { sealStream as SealStream } from "../src/secrets/age/seal.ts";

export interface StreamReport {
  /** From reading the key to the last byte written. */
  readonly seconds: number;
  readonly peakBytes: number;
}

export type StreamAction = "seal" | "open";

const READ_BYTES = 1024 * 1024;

const [action = "", keyFile = "", from = "", to = ""] = process.argv.slice(1);
// The door of the secrets gives no stream to seal with: nothing of skep seals what does not fit into memory.
const { sealStream } = (await import(`${process.cwd()}/dist/secrets/age/seal.js`)) as {
  readonly sealStream: typeof SealStream;
};
const startedAt = performance.now();
const source = createReadStream(from, { highWaterMark: READ_BYTES });
await pipeline(action === "seal" ? await seal() : await open(), createWriteStream(to));
const report: StreamReport = {
  seconds: (performance.now() - startedAt) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(report));

async function seal(): Promise<AsyncIterable<Buffer>> {
  const lines = (await readFile(keyFile, "utf8")).trim().split("\n");
  return sealStream(source, await Promise.all(lines.map((line) => parseRecipient(line))));
}

async function open(): Promise<AsyncIterable<Buffer>> {
  return openStream(source, await parseIdentities(await readFile(keyFile, "latin1"), { file: keyFile }));
}
