import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

describe("node tests/set-up.js", () => {
  let clone: string;

  beforeEach(async () => {
    clone = await mkdtemp(join(tmpdir(), "skep-clone-"));
    await mkdir(join(clone, "tests"));
    await copyFile(join(import.meta.dirname, "set-up.js"), join(clone, "tests/set-up.js"));
    await writeFile(join(clone, "package.json"), '{ "type": "module" }');
    await writeFile(join(clone, "package-lock.json"), "{}");
  });

  afterEach(async () => {
    await rm(clone, { recursive: true });
  });

  /** Stands in for npm on the PATH: writes down how it was called, and installs. */
  const WORKING_NPM = `#!/bin/sh
echo "$*" >> calls
mkdir -p node_modules && : > node_modules/.package-lock.json
`;

  it("installs the dependencies of a fresh clone, once", async () => {
    expect(await setUp(clone, WORKING_NPM)).toMatchObject({ exitCode: 0 });
    expect(await setUp(clone, WORKING_NPM)).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(clone, "calls"), "utf8")).toMatch(/^ci [^\n]*\n$/);
  });

  it("installs them again when the lockfile is newer", async () => {
    await setUp(clone, WORKING_NPM);
    const later = new Date(Date.now() + 60_000);
    await utimes(join(clone, "package-lock.json"), later, later);
    await setUp(clone, WORKING_NPM);
    expect((await readFile(join(clone, "calls"), "utf8")).match(/^ci /gm)).toHaveLength(2);
  });

  it("ends with one line when they cannot be installed", async () => {
    const { exitCode, stdout } = await setUp(clone, "#!/bin/sh\nexit 7\n");
    expect(exitCode).toBe(1);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe("set-up: npm ci failed: exit code 7");
  });
});

async function setUp(clone: string, npm: string): Promise<{ readonly exitCode: number; readonly stdout: string }> {
  const programs = join(clone, "programs");
  await mkdir(programs, { recursive: true });
  // No test installs packages on the machine it runs on.
  for (const [name, program] of Object.entries({ npm, "apt-get": "#!/bin/sh\n" })) {
    await writeFile(join(programs, name), program);
    await chmod(join(programs, name), 0o755);
  }
  const env = { ...process.env, PATH: `${programs}:${process.env.PATH ?? ""}` };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(clone, "tests/set-up.js")], { env }, (_error, stdout) => {
      resolve({ exitCode: child.exitCode ?? -1, stdout });
    });
  });
}
