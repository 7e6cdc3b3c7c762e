import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openNix } from "#nix";
import { parseNixVersion } from "../../src/nix/nix.ts";
import { needsNix } from "./fixture.ts";

async function pathWith(programs: Readonly<Record<string, string>>): Promise<NodeJS.ProcessEnv> {
  const folder = await mkdtemp(join(tmpdir(), "skep-path-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return { PATH: folder };
}

describe("openNix()", () => {
  it("tells the version of the Nix on PATH", async (context) => {
    needsNix(context);
    expect((await openNix()).version).toMatch(/^\d+\.\d+/);
  });

  it("says what to do when there is no Nix", async () => {
    await expect(openNix({ environment: await pathWith({}) })).rejects.toMatchObject({
      code: "nix/missing",
      hint: expect.stringContaining("install Nix 2.8") as string,
    });
  });

  it("refuses a Nix older than 2.8", async () => {
    const environment = await pathWith({ nix: 'echo "nix (Nix) 2.7.1"' });
    await expect(openNix({ environment })).rejects.toMatchObject({ code: "nix/too-old" });
  });

  it("refuses what does not say its version", async () => {
    const environment = await pathWith({ nix: 'echo "hello"' });
    await expect(openNix({ environment })).rejects.toMatchObject({ code: "nix/failed" });
  });
});

describe("parseNixVersion()", () => {
  it.each([
    ["nix (Nix) 2.8.0\n", "2.8.0"],
    ["nix (Nix) 2.26.3", "2.26.3"],
    ["nix (Nix) 2.31.0pre20250712_b1245123\n", "2.31.0pre20250712_b1245123"],
    ["nix (Determinate Nix 3.6.2) 2.29.0\n", "2.29.0"],
    ["nix (Lix, like Nix) 2.91.1\nSystem type: x86_64-linux\n", "2.91.1"],
    ["2.8.0", undefined],
    ["", undefined],
  ])("reads %j", (output, version) => {
    expect(parseNixVersion(output)).toBe(version);
  });
});
