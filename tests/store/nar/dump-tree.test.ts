import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dumpNar, dumpTree, readFileTree } from "#store";
import { anyTree, writeTree } from "../trees.ts";

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe("dumpTree()", () => {
  it("gives the bytes of dumpNar() for whatever lies on disk, from any byte on", async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, fc.nat(), fc.constantFrom(4_096, 100_000, 1_048_576), async (tree, at, chunkBytes) => {
        const folder = mkdtempSync(join(tmpdir(), "skep-tree-"));
        try {
          const path = join(folder, "it");
          writeTree(path, tree);
          const nar = await bytesOf(dumpNar(path));
          const from = at % nar.length;
          const found = await bytesOf(dumpTree(await readFileTree(path), { from, chunkBytes }));
          expect(found.equals(nar.subarray(from))).toBe(true);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }),
      { numRuns: 60 },
    );
  });
});
