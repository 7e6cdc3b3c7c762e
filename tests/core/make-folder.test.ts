import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { errnoOf, makeFolder } from "#core";

describe("makeFolder()", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "skep-folder-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const at = (path: string): string => join(folder, path);
  const errorOf = (path: string): Promise<string | undefined> => makeFolder(path).then(() => undefined, errnoOf);

  it("makes those above it that are not there, with its mode, and says which was the first", async () => {
    mkdirSync(at("skep"), { mode: 0o755 });
    expect(await makeFolder(at("skep/runs/old"), { mode: 0o700 })).toBe(at("skep/runs"));
    expect(["skep", "skep/runs", "skep/runs/old"].map((path) => statSync(at(path)).mode & 0o777)).toEqual([
      0o755, 0o700, 0o700,
    ]);
    expect(await makeFolder(at("skep/runs/new"))).toBe(at("skep/runs/new"));
  });

  it("leaves one that is there as it is, also behind a link", async () => {
    mkdirSync(at("kept"), { mode: 0o700 });
    symlinkSync("kept", at("link"));
    expect([await makeFolder(at("kept")), await makeFolder(at("link")), await makeFolder("/")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(statSync(at("kept")).mode & 0o777).toBe(0o700);
  });

  it("is made once by all who make it at one time", async () => {
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(at("a/b/c/d"))));
    expect(statSync(at("a/b/c/d")).isDirectory()).toBe(true);
  });

  it("ends where a folder that is there says that it is not", async () => {
    expect(await errorOf("/proc/no-such")).toBe("ENOENT");
    expect(await errorOf("/proc/no-such/below/it")).toBe("ENOENT");
  });

  it("takes the place of nothing, and leads through no file and no dead link", async () => {
    writeFileSync(at("file"), "");
    symlinkSync("nowhere/at-all", at("dead"));
    expect([await errorOf(at("file")), await errorOf(at("file/below"))]).toEqual(["EEXIST", "ENOTDIR"]);
    expect([await errorOf(at("dead")), await errorOf(at("dead/below"))]).toEqual(["EEXIST", "EEXIST"]);
  });
});
