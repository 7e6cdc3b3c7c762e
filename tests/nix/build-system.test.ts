import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { EvaluatedSystem } from "#nix";
import { buildSystem, evaluateSystems, NixError } from "#nix";
import { parseStorePath } from "#store";
import type { NixFixture } from "./fixture.ts";
import { fileRequest, named, needsNix, nixFixture } from "./fixture.ts";

async function evaluated(fixture: NixFixture, host: string, expression: string): Promise<EvaluatedSystem> {
  await fixture.write("host.nix", `let inherit (import ./systems.nix) run system; in { system = ${expression}; }`);
  const { nix, directory, rootsDirectory } = fixture;
  const requests = [fileRequest(host, "host.nix", "system")];
  const result = (await evaluateSystems(nix, { requests, directory, rootsDirectory })).get(named(host));
  if (result === undefined || result instanceof NixError) throw result ?? new Error("nothing was evaluated");
  return result;
}

describe("buildSystem()", () => {
  beforeEach(needsNix);

  it("builds a system, hands over its log as it comes, and roots it", async () => {
    await using fixture = await nixFixture();
    const { nix, rootsDirectory } = fixture;
    const script = "echo first; echo second >&2; busybox mkdir $out; echo hello > $out/motd";
    const system = await evaluated(fixture, "web-1", `run "web" ${JSON.stringify(script)}`);
    const log: string[] = [];
    const toplevel = await buildSystem(nix, system, {
      rootsDirectory,
      onLogLine: ({ name, line }) => log.push(`${name}: ${line}`),
    });
    expect(toplevel).toBe(system.toplevel);
    expect(log).toEqual(["web: first", "web: second"]);
    expect(await readFile(join(toplevel, "motd"), "utf8")).toBe("hello\n");
    expect(await readlink(join(rootsDirectory, "web-1/toplevel"))).toBe(toplevel);
  });

  it("builds nothing twice, and moves the root to what is built next", async () => {
    await using fixture = await nixFixture();
    const { nix, rootsDirectory } = fixture;
    const log: string[] = [];
    const options = { rootsDirectory, onLogLine: ({ line }: { line: string }) => log.push(line) };
    const first = await evaluated(fixture, "web-1", 'run "v1" "echo building; echo 1 > $out"');
    await buildSystem(nix, first, options);
    await buildSystem(nix, first, options);
    expect(log).toEqual(["building"]);
    const second = await evaluated(fixture, "web-1", 'run "v2" "echo 2 > $out"');
    await buildSystem(nix, second, options);
    expect(await readlink(join(rootsDirectory, "web-1/toplevel"))).toBe(second.toplevel);
  });

  it("fails with the last 20 lines of the dependency that failed, and says how to see more", async () => {
    await using fixture = await nixFixture();
    const { nix, rootsDirectory } = fixture;
    const script = "for i in $(busybox seq 25); do echo line $i; done; exit 3";
    const system = await evaluated(
      fixture,
      "web-1",
      `run "system" "echo \${run "site" ${JSON.stringify(script)}} > $out"`,
    );
    const error: unknown = await buildSystem(nix, system, { rootsDirectory }).catch((thrown: unknown) => thrown);
    if (!(error instanceof NixError)) throw error;
    expect(error).toMatchObject({ code: "nix/build", host: "web-1" });
    expect(error.hint).toMatch(/^see the whole log with nix log \/nix\/store\/\S+-site\.drv$/);
    const [headline, ...lines] = error.message.split("\n");
    expect(headline).toContain("could not build site for web-1: ");
    expect(headline).toContain("failed with exit code 3");
    expect(lines.filter((line) => line.startsWith("  line "))).toEqual(
      Array.from({ length: 20 }, (_, index) => `  line ${String(index + 6)}`),
    );
    await expect(readlink(join(rootsDirectory, "web-1/toplevel"))).rejects.toThrow("ENOENT");
  });

  it("says when no machine can build for that system", async () => {
    await using fixture = await nixFixture();
    const expression = 'derivation { name = "web"; system = "riscv64-netbsd"; builder = "/bin/sh"; }';
    const system = await evaluated(fixture, "web-1", expression);
    await expect(buildSystem(fixture.nix, system, fixture)).rejects.toMatchObject({
      code: "nix/build",
      hint: expect.stringContaining("remote builder") as string,
    });
  });

  it("builds the output that the attribute names", async () => {
    await using fixture = await nixFixture();
    const expression = `(derivation {
      name = "two"; outputs = [ "out" "doc" ]; inherit (run "x" "") builder system;
      args = [ "sh" "-c" "echo out > $out; echo doc > $doc" ];
    }).doc`;
    const system = await evaluated(fixture, "web-1", expression);
    expect(system).toMatchObject({ output: "doc", toplevel: expect.stringMatching(/-two-doc$/) as string });
    expect(await readFile(await buildSystem(fixture.nix, system, fixture), "utf8")).toBe("doc\n");
  });

  it("takes a store path that is here, and says when one is nowhere", async () => {
    await using fixture = await nixFixture();
    const { nix, rootsDirectory } = fixture;
    const built = await evaluated(fixture, "web-1", 'run "here" "echo 1 > $out"');
    await buildSystem(nix, built, { rootsDirectory });
    const here = { ...built, host: named("db-1"), derivation: undefined };
    expect(await buildSystem(nix, here, { rootsDirectory })).toBe(built.toplevel);
    expect(await readlink(join(rootsDirectory, "db-1/toplevel"))).toBe(built.toplevel);
    const nowhere = { ...here, toplevel: parseStorePath("/nix/store/00000000000000000000000000000000-nowhere") };
    await expect(buildSystem(nix, nowhere, { rootsDirectory })).rejects.toMatchObject({
      code: "nix/store-path-invalid",
      host: "db-1",
    });
  });

  it("ends the build and throws the signal's reason when that aborts", async () => {
    await using fixture = await nixFixture();
    const system = await evaluated(fixture, "web-1", 'run "slow" "echo waiting; busybox sleep 600"');
    const controller = new AbortController();
    const building = buildSystem(fixture.nix, system, {
      rootsDirectory: fixture.rootsDirectory,
      signal: controller.signal,
      onLogLine() {
        controller.abort(new Error("Ctrl-C"));
      },
    });
    await expect(building).rejects.toThrow("Ctrl-C");
  });
});
