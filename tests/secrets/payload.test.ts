import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PayloadOpener, PayloadSealer } from "../../src/secrets/age/payload.ts";

const CHUNK = 64 * 1024;
const TAG = 16;
const KEY = Buffer.alloc(16, 7);

/** Bytes that are not the same anywhere. */
function bytesOf(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) =>
    createHash("sha256").update(String(block)).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

/** Takes what is pushed from one buffer that is used again and again, as a reader of files may. */
function through(from: Buffer, { sizes, to }: { readonly sizes: readonly number[]; readonly to: Sink }): Buffer {
  const made: Buffer[] = [];
  const give = (parts: Iterable<Buffer>): void => {
    for (const part of parts) made.push(Buffer.from(part));
  };
  const used = Buffer.alloc(Math.max(...sizes));
  for (let at = 0, turn = 0; at < from.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    const part = used.subarray(0, from.copy(used, 0, at, at + size));
    give(to.push(part));
    used.fill(0xee);
    at += size;
  }
  give(to.finish());
  return Buffer.concat(made);
}

interface Sink {
  push(bytes: Uint8Array): Iterable<Buffer>;
  finish(): Iterable<Buffer>;
}

/** Around the edges of chunks, where what is kept back and what is cut in place meet. */
const edge = (unit: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -20, max: 20 }))
    .map(([units, more]) => Math.max(0, units * unit + more));
const sizes = (unit: number) =>
  fc.array(
    edge(unit).map((size) => size + 1),
    { minLength: 1, maxLength: 4 },
  );

describe("a payload", () => {
  it("says the same however it is cut on its way in and out, and whatever becomes of the buffers", () => {
    fc.assert(
      fc.property(edge(CHUNK), sizes(CHUNK), sizes(CHUNK + TAG), (length, cutIn, cutOut) => {
        const plaintext = bytesOf(length);
        const sealed = through(plaintext, { sizes: cutIn, to: new PayloadSealer(KEY) });
        const chunks = Math.max(1, Math.ceil(length / CHUNK));
        expect(sealed).toHaveLength(16 + length + chunks * TAG);
        const opened = through(sealed, { sizes: cutOut, to: new PayloadOpener(KEY) });
        expect(opened.equals(plaintext)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])("of %i bytes comes whole or chunk by chunk", (length) => {
    const plaintext = bytesOf(length);
    for (const [cutIn, cutOut] of [
      [3 * CHUNK, 3 * (CHUNK + TAG)],
      [CHUNK, CHUNK + TAG],
    ] as const) {
      const sealed = through(plaintext, { sizes: [cutIn], to: new PayloadSealer(KEY) });
      expect(sealed).toHaveLength(16 + length + Math.max(1, Math.ceil(length / CHUNK)) * TAG);
      const [nonce, chunks] = [sealed.subarray(0, 16), sealed.subarray(16)];
      const opener = new PayloadOpener(KEY);
      const opened = Buffer.concat([...opener.push(nonce), through(chunks, { sizes: [cutOut], to: opener })]);
      expect(opened.equals(plaintext)).toBe(true);
    }
  });

  it("that is cut short, changed, or has something after its end is damaged", () => {
    const sealed = through(bytesOf(2 * CHUNK), { sizes: [CHUNK], to: new PayloadSealer(KEY) });
    const open = (bytes: Buffer) => through(bytes, { sizes: [3 * CHUNK], to: new PayloadOpener(KEY) });
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        expect(() => open(sealed.subarray(0, at))).toThrow("payload");
        const changed = Buffer.from(sealed);
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(() => open(changed)).toThrow("payload");
      }),
    );
    expect(() => open(Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow("payload");
    expect(() => open(Buffer.concat([sealed, sealed.subarray(16)]))).toThrow("payload");
  });
});
