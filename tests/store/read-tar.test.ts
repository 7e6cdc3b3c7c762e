import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FileTree } from "#store";
import { dumpNar, dumpTree, readTar } from "#store";

let folder = "";
let archives = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-tar-"));
  mkdirSync(join(folder, "hive/comb/empty"), { recursive: true });
  writeFileSync(join(folder, "hive/honey"), "sweet\n");
  writeFileSync(join(folder, "hive/comb", "n".repeat(180)), "a name too long for a plain header");
  writeFileSync(join(folder, "hive/large"), Buffer.alloc(2_500_000, "wax"));
  writeFileSync(join(folder, "hive/bee"), "#!/bin/sh\n", { mode: 0o755 });
  linkSync(join(folder, "hive/bee"), join(folder, "hive/drone"));
  symlinkSync("honey", join(folder, "hive/link"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function pack(flags: string, ...args: readonly string[]): string {
  archives += 1;
  const archive = join(folder, `${archives}.tar`);
  execFileSync("tar", [flags, archive, "-C", folder, ...args]);
  return archive;
}

function read(archive: string, options: { strip?: number; takes?: (path: string) => boolean } = {}): Promise<FileTree> {
  return readTar(archive, { ...options, scratchFile: `${archive}.scratch` });
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe("readTar()", () => {
  it.each(["-cf", "-czf"])("gives what tar %s packed, as it lies on disk", async (flags) => {
    const tree = await read(pack(flags, "hive"), { strip: 1 });
    const expected = await bytesOf(dumpNar(join(folder, "hive")));
    expect((await bytesOf(dumpTree(tree))).equals(expected)).toBe(true);
  });

  it("takes what it is to take", async () => {
    const tree = await read(pack("-cf", "hive"), { strip: 1, takes: (path) => path === "honey" });
    expect(tree.kind === "directory" && [...tree.entries.keys()]).toEqual(["honey"]);
  });

  it("refuses names that lead out, devices, and what is no archive", async () => {
    const upwards = pack("-cf", "--transform=s,hive/honey,../honey,", "hive/honey", "-P");
    await expect(read(upwards)).rejects.toMatchObject({ code: "store/tar" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await expect(read(pack("-cf", "pipe"))).rejects.toThrow(/pipe is a fifo/);
    const text = join(folder, "text");
    writeFileSync(text, "this is no archive".repeat(100));
    await expect(read(text)).rejects.toMatchObject({ code: "store/tar" });
    const cut = pack("-czf", "hive");
    execFileSync("truncate", ["-s", "1000", cut]);
    await expect(read(cut)).rejects.toMatchObject({ code: "store/tar" });
    await expect(read(join(folder, "nothing"))).rejects.toMatchObject({ code: "store/unreadable" });
  });
});
