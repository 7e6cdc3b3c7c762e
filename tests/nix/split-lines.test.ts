import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitLines } from "../../src/nix/split-lines.ts";

function linesOf(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = splitLines((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

describe("splitLines()", () => {
  it("gives the same lines wherever the stream is cut, also inside a character", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "ü", "😀", "\n", "\r") });
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 5 }), (whole, cuts) => {
        const bytes = Buffer.from(whole);
        const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        const expected = whole.split("\n");
        if (expected.at(-1) === "") expected.pop();
        expect(linesOf(chunks)).toEqual(expected);
      }),
    );
  });
});
