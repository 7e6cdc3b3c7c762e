import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
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
});
