import { Writable } from "node:stream";
import type { OutputStream } from "#report";

/** A stream that keeps what is written to it; a terminal when it is given a size. */
export interface CapturedStream extends OutputStream {
  readonly text: string;
  columns?: number | undefined;
  rows?: number | undefined;
}

export function captureStream(size?: { readonly columns: number; readonly rows: number }): CapturedStream {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, callback) {
      chunks.push(chunk);
      callback();
    },
  });
  const text = { get: () => chunks.join("") };
  return Object.defineProperty(Object.assign(stream, size && { ...size, isTTY: true }), "text", text) as CapturedStream;
}
