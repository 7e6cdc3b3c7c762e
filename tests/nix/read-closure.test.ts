import { beforeEach, describe, expect, it } from "vitest";
import { buildSystem, evaluateSystems, NixError, readClosure, readClosures } from "#nix";
import type { StorePath } from "#store";
import { parseStorePath } from "#store";
import type { NixFixture } from "./fixture.ts";
import { fileRequest, needsNix, nixFixture } from "./fixture.ts";

/** Two systems that share a package; a system's name is its host's. */
async function builtFleet(fixture: NixFixture): Promise<Map<string, StorePath>> {
  await fixture.write(
    "hosts.nix",
    `let inherit (import ./systems.nix) run; shared = run "shared" "echo 1 > $out"; in {
      web-1 = run "web-1" "echo \${shared} \${run "site" "echo 2 > $out"} > $out";
      db-1 = run "db-1" "echo \${shared} $out > $out";
    }`,
  );
  const { nix, directory, rootsDirectory } = fixture;
  const requests = ["web-1", "db-1"].map((host) => fileRequest(host, "hosts.nix"));
  const built = new Map<string, StorePath>();
  for (const [host, system] of await evaluateSystems(nix, { requests, directory, rootsDirectory })) {
    if (system instanceof NixError) throw system;
    built.set(host, await buildSystem(nix, system, { rootsDirectory }));
  }
  return built;
}

describe("readClosures()", () => {
  beforeEach(needsNix);

  it("reads many closures with one call, references first, and shared paths once", async () => {
    await using fixture = await nixFixture();
    const built = await builtFleet(fixture);
    const nix = await fixture.wrapped({ nix: 'echo call >> "$CALLS"; exec "$real" "$@"' });
    const before = (await fixture.calls()).length;
    const closures = await readClosures(nix, [...built.values()]);
    expect((await fixture.calls()).length - before).toBe(1);
    const web = closures.get(built.get("web-1")!)!;
    const db = closures.get(built.get("db-1")!)!;
    const names = (paths: readonly { readonly path: string }[]): string[] => paths.map(({ path }) => path.slice(44));
    expect(names(web.paths).sort()).toEqual(["shared", "site", "web-1"]);
    expect(names(web.paths.slice(-1))).toEqual(["web-1"]);
    expect(names(db.paths)).toEqual(["shared", "db-1"]);
    expect(db.paths[0]).toBe(web.paths.find(({ path }) => path.endsWith("-shared")));
    expect(web.narSize).toBe(web.paths.reduce((sum, { narSize }) => sum + narSize, 0));
  });

  it("reads the shape of newer Nix too, an object keyed by path", async () => {
    await using fixture = await nixFixture();
    const toplevel = (await builtFleet(fixture)).get("web-1")!;
    const keyed = "JSON.stringify(Object.fromEntries([].concat(i).map(({ path, ...info }) => [path, info])))";
    const convert = `const i = JSON.parse(require("fs").readFileSync(0)); console.log(Array.isArray(i) ? ${keyed} : JSON.stringify(i))`;
    const nix = await fixture.wrapped({
      nix: `case "$*" in *path-info*) "$real" "$@" | '${process.execPath}' -e '${convert}';; *) exec "$real" "$@";; esac`,
    });
    expect(await readClosure(nix, toplevel)).toEqual(await readClosure(fixture.nix, toplevel));
  });

  it("asks nothing when there is nothing to read, and fails on a path that is not valid", async () => {
    await using fixture = await nixFixture();
    expect((await readClosures({ version: "", environment: {} }, [])).size).toBe(0);
    const nowhere = parseStorePath("/nix/store/00000000000000000000000000000000-nowhere");
    await expect(readClosure(fixture.nix, nowhere)).rejects.toThrow(`could not read the closure of ${nowhere}`);
  });
});
