import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dumpNar, parseNar } from "#store";
import { makeChunkPool } from "../../../src/store/chunk-pool.ts";
import { noNix } from "../real-store.ts";
import type { Tree } from "../trees.ts";
import { anyTree, treeOf, writeTree } from "../trees.ts";

const run = promisify(execFile);
const MIB = 1024 * 1024;

let folder = "";
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-nar-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function place(tree: Tree): string {
  count += 1;
  const path = join(folder, `tree-${count}`);
  writeTree(path, tree);
  return path;
}

function placeSparse(size: number): string {
  count += 1;
  const path = join(folder, `sparse-${count}`);
  writeFileSync(path, "");
  truncateSync(path, size);
  return path;
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe("dumpNar()", () => {
  it.skipIf(noNix)("gives byte for byte what nix-store --dump prints", async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, fc.constantFrom(64, 1_000, 65_536, MIB), async (tree, chunkBytes) => {
        const path = place(tree);
        const { stdout } = await run("nix-store", ["--dump", path], { encoding: "buffer", maxBuffer: 1 << 28 });
        const nar = await bytesOf(dumpNar(path, { chunkBytes }));
        expect(nar.equals(stdout)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("is read back by parseNar() as the same tree", async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, async (tree) => {
        expect(await treeOf(parseNar(dumpNar(place(tree))))).toStrictEqual(tree);
      }),
      { numRuns: 80 },
    );
  });

  it("gives chunks of the size asked for, but for the last", async () => {
    const path = place({ kind: "file", contents: "x".repeat(300_001), executable: false });
    const sizes: number[] = [];
    for await (const chunk of dumpNar(path, { chunkBytes: 65_536 })) sizes.push(chunk.length);
    expect(sizes.slice(0, -1).every((size) => size === 65_536)).toBe(true);
    expect(sizes).toHaveLength(5);
  });

  it("begins in the middle without changing what follows", async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, fc.double({ min: 0, max: 1, noNaN: true }), async (tree, part) => {
        const path = place(tree);
        const whole = await bytesOf(dumpNar(path));
        const from = Math.floor(whole.length * part);
        expect((await bytesOf(dumpNar(path, { from, chunkBytes: 100_000 }))).equals(whole.subarray(from))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("takes its memory from the pool and holds no more than three chunks of it, whatever the size of a file", async () => {
    const path = placeSparse(512 * MIB);
    const pool = makeChunkPool({ keepBytes: 8 * MIB });
    let held = 0;
    let most = 0;
    const counted = {
      ...pool,
      take: (bytes: number) => {
        held += 1;
        most = Math.max(most, held);
        return pool.take(bytes);
      },
    };
    let size = 0;
    for await (const chunk of dumpNar(path, { pool: counted })) {
      size += chunk.length;
      held -= 1;
      pool.give(chunk);
    }
    expect(size).toBe(512 * MIB + 112);
    expect(most).toBeLessThanOrEqual(3);
  });

  it("counts past 4 GiB", async () => {
    const path = placeSparse(5 * 1024 * MIB + 3);
    const chunks = dumpNar(path, { chunkBytes: MIB });
    for await (const event of parseNar(chunks)) {
      expect(event).toMatchObject({ kind: "file", size: 5 * 1024 * MIB + 3 });
      break;
    }
    const tail = await bytesOf(dumpNar(path, { from: 5 * 1024 * MIB }));
    expect(tail).toHaveLength(96 + 3 + 5 + 16);
  });

  it("names what it could not read", async () => {
    const missing = join(folder, "missing");
    await expect(bytesOf(dumpNar(missing))).rejects.toMatchObject({
      code: "store/unreadable",
      message: expect.stringContaining(missing) as string,
    });
  });

  it("refuses a pipe instead of waiting for it", async () => {
    const path = join(folder, "with-pipe");
    mkdirSync(path);
    execFileSync("mkfifo", [join(path, "pipe")]);
    await expect(bytesOf(dumpNar(path))).rejects.toMatchObject({
      code: "store/unreadable",
      message: expect.stringMatching(/with-pipe\/pipe: a NAR holds files, symlinks and directories only/) as string,
    });
  });

  it("says so when a file shrinks while it is read", async () => {
    const path = join(folder, "shrinking");
    writeFileSync(path, Buffer.alloc(4 * MIB));
    const chunks = dumpNar(path, { chunkBytes: MIB });
    await chunks.next();
    truncateSync(path, MIB);
    await expect(bytesOf(chunks)).rejects.toMatchObject({ message: expect.stringContaining("shorter") as string });
  });

  it("lets go of a large file when its reader leaves or aborts", async () => {
    const path = join(folder, "large");
    writeFileSync(path, Buffer.alloc(4 * MIB));
    const chunks = dumpNar(path);
    await chunks.next();
    await chunks.return();
    const abort = new AbortController();
    const aborted = dumpNar(path, { signal: abort.signal });
    await aborted.next();
    abort.abort(new Error("enough"));
    await expect(bytesOf(aborted)).rejects.toThrow("enough");
    const open = execFileSync("ls", ["-l", `/proc/${process.pid}/fd`]).toString();
    expect(open).not.toContain(path);
  });

  it("lets the event loop turn while it goes through many small files", async () => {
    const entries = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [
        `unit-${index}`,
        { kind: "file" as const, contents: `unit ${index}`, executable: false },
      ]),
    );
    const path = place({ kind: "directory", entries });
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    const nar = await bytesOf(dumpNar(path, { chunkBytes: 16 * MIB }));
    clearInterval(timer);
    expect(createHash("sha256").update(nar).digest()).toHaveLength(32);
    expect(turns).toBeGreaterThan(1);
  });
});
