import { execFile } from "node:child_process";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import type { Nix } from "#nix";
import { buildSystem, evaluateSystems, NixError } from "#nix";
import { parseStorePath } from "#store";
import { isRooted } from "../../src/nix/roots.ts";
import { succeeded } from "#core";
import { runNix } from "../../src/nix/run-nix.ts";
import { fileRequest, named, needsNix, nixFixture } from "./fixture.ts";

const run = promisify(execFile);

async function isValid(nix: Nix, path: string): Promise<boolean> {
  return succeeded(await runNix(nix, ["nix-store", "--check-validity", path]));
}

describe("the roots on the operator's machine", () => {
  beforeEach(needsNix);

  it("keep derivation and toplevel through a collection, and let go of what they moved from", async () => {
    await using fixture = await nixFixture();
    // A store of its own: nothing of this machine's is collected.
    const environment = { ...fixture.nix.environment, NIX_REMOTE: `local?root=${join(fixture.directory, "own")}` };
    const nix: Nix = { ...fixture.nix, environment };
    const { directory, rootsDirectory } = fixture;
    const deploy = async (version: string): Promise<{ readonly derivation: string; readonly toplevel: string }> => {
      await fixture.write("host.nix", `{ web-1 = (import ./systems.nix).system "${version}"; }`);
      const requests = [fileRequest("web-1", "host.nix")];
      const system = (await evaluateSystems(nix, { requests, directory, rootsDirectory })).get(named("web-1"));
      if (system === undefined || system instanceof NixError) throw system ?? new Error("nothing was evaluated");
      const content = await fixture.write(`${version}.txt`, version);
      const { stdout } = await run("nix-store", ["--add", content], { env: { ...environment } });
      const built = { ...system, derivation: undefined, toplevel: parseStorePath(stdout.trim()) };
      return { derivation: String(system.derivation), toplevel: await buildSystem(nix, built, { rootsDirectory }) };
    };
    const collect = async (): Promise<void> => {
      expect(succeeded(await runNix(nix, ["nix-store", "--gc"]))).toBe(true);
    };

    const first = await deploy("v1");
    await collect();
    expect([await isValid(nix, first.derivation), await isValid(nix, first.toplevel)]).toEqual([true, true]);
    const second = await deploy("v2");
    await collect();
    expect([await isValid(nix, second.derivation), await isValid(nix, second.toplevel)]).toEqual([true, true]);
    expect([await isValid(nix, first.derivation), await isValid(nix, first.toplevel)]).toEqual([false, false]);
  });

  it("are made once: an unchanged host costs no further process", async () => {
    await using fixture = await nixFixture();
    await fixture.write("host.nix", '{ web-1 = (import ./systems.nix).system "web-1"; }');
    const nix = await fixture.wrapped({
      "nix-instantiate": 'echo rooted >> "$CALLS"; exec "$real" "$@"',
      "nix-store": 'echo built >> "$CALLS"; exec "$real" "$@"',
    });
    const { directory, rootsDirectory } = fixture;
    for (let round = 0; round < 2; round += 1) {
      const requests = [fileRequest("web-1", "host.nix")];
      const system = (await evaluateSystems(nix, { requests, directory, rootsDirectory })).get(named("web-1"));
      if (system === undefined || system instanceof NixError) throw system ?? new Error("nothing was evaluated");
      await buildSystem(nix, system, { rootsDirectory });
    }
    expect(await fixture.calls()).toEqual(["rooted", "built"]);
  });
});

describe("isRooted()", () => {
  it("does not take a link for a root that Nix knows nothing of", async (context) => {
    needsNix(context);
    await using fixture = await nixFixture();
    const path = parseStorePath("/nix/store/00000000000000000000000000000000-nowhere");
    const root = join(fixture.directory, "root");
    expect(await isRooted(fixture.nix, root, path)).toBe(false);
    await symlink(path, root);
    expect(await isRooted(fixture.nix, root, path)).toBe(false);
  });
});
