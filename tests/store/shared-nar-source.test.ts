import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NarChunk, NarReader, PathInfo, StorePath } from "#store";
import { dumpNar, sharedNarSource } from "#store";
import { pathInfo } from "./closures.ts";

const MIB = 1024 * 1024;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-nars-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A file of that many bytes, no two MiB of it alike, and how its NAR hashes. */
async function placeFile(name: string, size: number): Promise<{ info: PathInfo; digest: string }> {
  const contents = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4_096) contents.writeUInt32LE(at / 4_096, at);
  writeFileSync(join(folder, name), contents);
  const hash = createHash("sha256");
  let narSize = 0;
  for await (const chunk of dumpNar(join(folder, name))) {
    hash.update(chunk);
    narSize += chunk.length;
  }
  return { info: pathInfo(name, [], narSize), digest: hash.digest("hex") };
}

/** Counts how often the files of each path are asked for. */
function countingLocate(): { locate: (path: StorePath) => string; counts: Map<string, number> } {
  const counts = new Map<string, number>();
  return {
    counts,
    locate: (path) => {
      const name = path.slice(path.indexOf("-") + 1);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return join(folder, name);
    },
  };
}

/** Reads a whole NAR; holds each chunk for a turn before it checks it in, as a slow stream would. */
async function digestOf(chunks: AsyncIterable<NarChunk>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) {
    await turn();
    hash.update(chunk.bytes);
    chunk.release();
  }
  return hash.digest("hex");
}

function iterate(chunks: AsyncIterable<NarChunk>): AsyncIterator<NarChunk, undefined> {
  return chunks[Symbol.asyncIterator]() as AsyncIterator<NarChunk, undefined>;
}

describe("sharedNarSource()", () => {
  it.each([
    ["small", 3_000],
    ["large", 5 * MIB + 17],
  ])("makes a %s NAR once for readers in step", async (name, size) => {
    const { info, digest } = await placeFile(name, size);
    const { locate, counts } = countingLocate();
    const source = sharedNarSource({ locate });
    const readers = Array.from({ length: 8 }, () => source.openReader());
    const digests = await Promise.all(readers.map((reader) => digestOf(reader.read(info))));
    expect(new Set(digests)).toEqual(new Set([digest]));
    expect(counts.get(name)).toBe(1);
  });

  it("keeps a NAR for who comes a little later, until the last reader is disposed", async () => {
    const { info, digest } = await placeFile("kept", 3_000);
    const { locate, counts } = countingLocate();
    const source = sharedNarSource({ locate });
    const readers = Array.from({ length: 3 }, () => source.openReader());
    for (const reader of readers) expect(await digestOf(reader.read(info))).toBe(digest);
    expect(counts.get("kept")).toBe(1);
    for (const reader of readers) reader[Symbol.dispose]();
    using late = source.openReader();
    expect(await digestOf(late.read(info))).toBe(digest);
    expect(counts.get("kept")).toBe(2);
  });

  it("lets go of the oldest when it holds as much as it may", async () => {
    const { locate, counts } = countingLocate();
    using reader = sharedNarSource({ locate, cacheBytes: 100_000 }).openReader();
    const placed = await Promise.all(["one", "two", "three"].map((name) => placeFile(name, 40_000)));
    for (const { info, digest } of [...placed, ...placed]) expect(await digestOf(reader.read(info))).toBe(digest);
    expect(Object.fromEntries(counts)).toEqual({ one: 2, two: 2, three: 2 });
    for (const { info } of placed.slice(1)) await digestOf(reader.read(info));
    expect(Object.fromEntries(counts)).toEqual({ one: 2, two: 2, three: 2 });
  });

  it("gives the same bytes to a reader who falls behind what the cache can hold", async () => {
    const { info, digest } = await placeFile("behind", 12 * MIB + 5);
    const { locate, counts } = countingLocate();
    const source = sharedNarSource({ locate, cacheBytes: 3 * MIB });
    const [fast, slow] = [source.openReader(), source.openReader()];
    const slowChunks = iterate(slow.read(info));
    const hash = createHash("sha256");
    const first = await slowChunks.next();
    expect(await digestOf(fast.read(info))).toBe(digest);
    for (let next = first; next.done !== true; next = await slowChunks.next()) {
      hash.update(next.value.bytes);
      next.value.release();
    }
    expect(hash.digest("hex")).toBe(digest);
    expect(counts.get("behind")).toBe(2);
  });

  it("goes on for the others when the reader who leads leaves in the middle", async () => {
    const { info, digest } = await placeFile("leader", 6 * MIB);
    const source = sharedNarSource({ locate: countingLocate().locate });
    const [leader, follower] = [source.openReader(), source.openReader()];
    const leading = iterate(leader.read(info));
    for (let index = 0; index < 3; index += 1) (await leading.next()).value?.release();
    const following = digestOf(follower.read(info));
    await turn();
    await leading.return?.();
    expect(await following).toBe(digest);
  });

  it("never gives out memory that someone still reads", async () => {
    const { info, digest } = await placeFile("held", 20 * MIB);
    const source = sharedNarSource({ locate: countingLocate().locate, cacheBytes: 2 * MIB });
    const readers = Array.from({ length: 6 }, () => source.openReader());
    const pace = async (reader: NarReader, turns: number): Promise<string> => {
      const hash = createHash("sha256");
      const held: NarChunk[] = [];
      const checkIn = (): void => {
        const chunk = held.shift();
        if (chunk !== undefined) hash.update(chunk.bytes);
        chunk?.release();
      };
      for await (const chunk of reader.read(info)) {
        held.push(chunk);
        for (let waited = 0; waited < turns; waited += 1) await turn();
        if (held.length > 3) checkIn();
      }
      while (held.length > 0) checkIn();
      return hash.digest("hex");
    };
    const digests = await Promise.all(readers.map((reader, index) => pace(reader, index)));
    expect(new Set(digests)).toEqual(new Set([digest]));
  });

  it("tells every reader of a file that cannot be read, and serves a later one that can", async () => {
    const { locate } = countingLocate();
    const source = sharedNarSource({ locate });
    const info = pathInfo("absent", [], 3_000);
    const readers = Array.from({ length: 3 }, () => source.openReader());
    for (const outcome of await Promise.allSettled(readers.map((reader) => digestOf(reader.read(info))))) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "store/unreadable" } });
    }
    const { digest } = await placeFile("absent", 3_000);
    using reader = source.openReader();
    expect(await digestOf(reader.read(info))).toBe(digest);
  });

  it("holds no file open once its readers have left", async () => {
    const { info } = await placeFile("left", 6 * MIB);
    const source = sharedNarSource({ locate: countingLocate().locate });
    const chunks = iterate(source.openReader().read(info));
    (await chunks.next()).value?.release();
    await chunks.return?.();
    await expect
      .poll(() => execFileSync("ls", ["-l", `/proc/${process.pid}/fd`]).toString())
      .not.toContain(join(folder, "left"));
  });
});
