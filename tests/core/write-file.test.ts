import { execFileSync } from "node:child_process";
import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeFileAtomically } from "#core";

describe("writeFileAtomically()", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "skep-core-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it("makes the folder, sets the mode and leaves nothing else behind", async () => {
    const path = join(folder, "deep/known_hosts");
    await writeFileAtomically(path, "one", { mode: 0o600 });
    await writeFileAtomically(path, "two", { mode: 0o600 });
    expect(await readFile(path, "utf8")).toBe("two");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, "deep"))).toEqual(["known_hosts"]);
  });

  it("leaves no temporary file when it cannot rename", async () => {
    await writeFileAtomically(join(folder, "taken/inside"), "x");
    await expect(writeFileAtomically(join(folder, "taken"), "y")).rejects.toThrow();
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("follows a link to a file, which stays a link", async () => {
    const link = join(folder, "link");
    await writeFileAtomically(join(folder, "kept/file"), "old");
    await symlink("kept/file", link);
    await writeFileAtomically(link, "new");
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(join(folder, "kept/file"), "utf8")).toBe("new");
  });

  it("writes into a pipe, which stays one", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const [read] = await Promise.all([readFile(pipe, "utf8"), writeFileAtomically(pipe, "through")]);
    expect(read).toBe("through");
    expect((await lstat(pipe)).isFIFO()).toBe(true);
  });
});
