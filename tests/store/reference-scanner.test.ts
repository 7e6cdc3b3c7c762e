import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byDigest, ReferenceScanner, storePathDigest } from "#store";
import { storePath } from "./closures.ts";

const PATHS = ["flower", "bee", "comb"].map(storePath);

function scan(chunks: Iterable<Uint8Array>): readonly string[] {
  const scanner = new ReferenceScanner(byDigest(PATHS));
  for (const chunk of chunks) scanner.push(chunk);
  return [...scanner.found].sort();
}

/** Bytes cut at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe("ReferenceScanner", () => {
  const digest = fc.constantFrom(...PATHS.map(storePathDigest));
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes)),
    fc
      .string({ unit: fc.constantFrom(..."0123456789abcdfghijklmnpqrsvwxyz".split("")), maxLength: 70 })
      .map((text) => Buffer.from(text)),
  );
  const part = fc.oneof(
    noise,
    digest.map((text) => Buffer.from(text)),
    digest.map((text) => Buffer.from(text.slice(0, 31))),
  );

  it("finds exactly the digests that stand in the bytes, wherever the chunks are cut", () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 8 }), (parts, places) => {
        const bytes = Buffer.concat(parts);
        const expected = PATHS.filter((path) => bytes.includes(storePathDigest(path))).sort();
        expect(scan(cut(bytes, places))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("finds a digest that comes byte by byte", () => {
    const text = `see ${PATHS[0] ?? ""}/bin`;
    expect(scan([...Buffer.from(text)].map((byte) => Buffer.of(byte)))).toEqual([PATHS[0]]);
  });
});
