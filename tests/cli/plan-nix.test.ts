import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { noNix } from "../store/real-store.ts";
import { runningSystem } from "../sandbox/systems-of-host.ts";
import { useScene } from "./scene.ts";

/** What NixOS's says, as far as a plan reads it. */
const SWITCH = `#!/bin/sh
case $1 in
  dry-activate)
    echo "would restart the following units: web.service, db.service"
    echo "would NOT restart the following changed units: dbus.service"
    echo "would start the following units: new.service" ;;
  test) echo "restarting the following units: web.service"; self=$(cd "\${0%/*}/.." && pwd); rm -f "$SKEP_ROOT/run/current-system"
    ln -s "/nix/store/\${self##*/}" "$SKEP_ROOT/run/current-system" ;;
esac
`;

describe.skipIf(noNix)("a plan of systems that Nix built", { timeout: 120_000 }, () => {
  beforeEach(() => {
    vi.stubEnv("NIX_CONFIG", "build-users-group =\nsubstituters =");
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  const { machine, at, write, skep: skepPlain } = useScene(["web-1"]);

  const nixStore = (...args: string[]): string =>
    execFileSync("nix-store", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  function want(version: string): string {
    const system = at(`system-web-1-${version}`);
    mkdirSync(join(system, "bin"), { recursive: true });
    mkdirSync(join(system, "etc"), { recursive: true });
    writeFileSync(join(system, "etc/motd"), `${at(".")} ${version}`);
    rmSync(join(system, "etc/issue"), { force: true });
    symlinkSync(`/etc/static/issue-${version}`, join(system, "etc/issue"));
    writeFileSync(join(system, "bin/switch-to-configuration"), SWITCH);
    chmodSync(join(system, "bin/switch-to-configuration"), 0o755);
    const path = nixStore("--add", system);
    write(
      "hive.ts",
      `import { defineHive, nixos } from "skep";
       export default defineHive({ hosts: {
         "web-1": { target: ${JSON.stringify(machine("web-1").target)}, system: nixos({ storePath: "${path}" }) },
       } });`,
    );
    return path;
  }
  const skep = (...argv: string[]) => skepPlain(...argv, ...(argv[0] === "report" ? [] : ["--quiet"]));

  it("is what a plain deployment tells too: from this machine's store, and what the host says that it did", async () => {
    want("1");
    expect(await skep("deploy")).toMatchObject({ exitCode: 0 });
    want("2");
    expect(await skep("deploy")).toMatchObject({ exitCode: 0 });
    const { stdout } = await skep("report", "--markdown");
    expect(stdout.split("### What changed: `web-1`\n")[1]).toBe(`
| Of | How | What |
| --- | --- | --- |
| units | restart | \`web.service\` |
| /etc | changed | \`issue\` |
`);
  });

  it("is honest about units until the system is on the host, which then says them", async () => {
    want("1");
    expect(await skep("deploy")).toMatchObject({ exitCode: 0 });
    want("2");
    expect((await skep("plan")).stdout).toContain(
      "units  not known  known once the system is on the host: after skep deploy push, plan again",
    );
    expect(await skep("deploy", "push")).toMatchObject({ exitCode: 0 });
    const plan = await skep("plan");
    expect(plan.exitCode).toBe(10);
    expect(plan.stdout).toMatch(/units {2}restart {2}web\.service, db\.service\n +start {4}new\.service\n/);
    expect(plan.stdout).not.toContain("dbus.service");
    expect(plan.stdout).not.toContain("COPY");
  });

  it("keeps its paths on this machine, and is refused with a hint when they are gone all the same", async () => {
    const wanted = want("1");
    expect(await skep("plan", "--out", "plan.json")).toMatchObject({ exitCode: 10 });
    rmSync(at(".skep/roots"), { recursive: true });
    expect(() => nixStore("--delete", wanted)).toThrow(/still alive|root/);
    // The hive wants something else by now: the plan's own paths are what is deployed.
    want("2");
    expect(await skep("deploy", "--plan", "plan.json")).toMatchObject({ exitCode: 0 });
    expect(runningSystem(machine("web-1"))).toBe(wanted);

    const gone = want("3");
    await skep("plan", "--out", "plan.json");
    rmSync(at(".skep"), { recursive: true });
    nixStore("--delete", gone);
    const run = await skep("deploy", "--plan", "plan.json");
    expect(run.exitCode).toBe(5);
    expect(run.stderr).toContain(`web-1: ${gone} of the plan is not on this machine [rollout/plan-paths]`);
    expect(run.stderr).toContain("bring it here with nix copy");
  });

  it("lets the roots of old plans go", async () => {
    want("1");
    for (let plan = 0; plan < 25; plan += 1)
      mkdirSync(at(`.skep/plans/2020010${plan % 10}-00000${plan % 7}-${plan}`), { recursive: true });
    await skep("plan", "--out", "plan.json");
    const kept = readdirSync(at(".skep/plans"));
    expect(kept).toHaveLength(20);

    // What is deployed is kept, also when many plans were made since.
    const { id } = JSON.parse(readFileSync(at("plan.json"), "utf8")) as { readonly id: string };
    for (let plan = 0; plan < 25; plan += 1)
      mkdirSync(at(`.skep/plans/29990101-0000${plan + 10}-${plan}`), { recursive: true });
    expect(await skep("deploy", "--plan", "plan.json")).toMatchObject({ exitCode: 0 });
    const left = readdirSync(at(".skep/plans"));
    expect(left).toHaveLength(20);
    expect(left).toContain(id);
    expect(readdirSync(at(join(".skep/plans", id)))).not.toEqual([]);
  });
});
