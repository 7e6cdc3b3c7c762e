import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "#hive";
import type { FleetHost } from "./harness/index.ts";
import { fleetUnavailable, waitUntil } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";
import type { RunningSkep, SkepRun } from "./skep.ts";
import { skep, startSkep } from "./skep.ts";

const named = (host: string, version: string): string => `skep-test-system-${host}-${version}`;

describe.skipIf(fleetUnavailable() !== undefined)("operating hosts, one with Nix and one without", () => {
  let scene: Scene;
  const web = (): FleetHost => scene.fleet.host("web-1");
  const edge = (): FleetHost => scene.fleet.host("edge-1");
  beforeAll(async () => {
    scene = await openScene([
      { name: "web-1", suite: "bookworm" },
      { name: "edge-1", suite: "bookworm-without-nix" },
    ]);
    for (const version of ["v1", "v2"]) {
      await scene.wantAll(version);
      expect((await scene.deploy()).exitCode).toBe(0);
    }
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const begin = (verb: string, ...argv: readonly string[]): RunningSkep =>
    startSkep(scene.fleet, [verb, "--ssh-config", scene.fleet.client.configFile, ...argv], { cwd: scene.folder });
  const run = (...argv: readonly [string, ...string[]]): Promise<SkepRun> => begin(...argv).ended;
  const objects = ({ stdout }: SkepRun): readonly Record<string, unknown>[] =>
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const isRunning = async (host: FleetHost, pattern: string): Promise<boolean> =>
    (await host.inside(["pgrep", "-f", pattern])).exitCode === 0;

  it("status tells what hosts run, who brought it, and how that is not what it should be", async () => {
    const well = await run("status", "--json", "--exit-code");
    expect(well.exitCode).toBe(0);
    for (const [index, name] of ["web-1", "edge-1"].entries()) {
      expect(objects(well)[index]).toMatchObject({
        ...{ host: name, state: "ok", drift: [], lease: null, failedUnits: [], rebootNeeded: null },
        running: expect.stringMatching(named(name, "v2")) as string,
        deployment: { goal: "switch", who: expect.stringContaining("@") as string, rollback: false },
        profile: { generation: 2 },
      });
    }
    await scene.wantAll("v2", { "edge-1": { version: "v3" } });
    const v1 = await web().read(["readlink", "-f", "/nix/var/nix/profiles/skep-1-link"]);
    await web().inside([`${v1}/bin/switch-to-configuration`, "test"]);
    await web().inside(["systemd-run", "--unit=ill", "false"]);
    const drifted = await run("status", "--json", "--exit-code");
    expect(drifted.exitCode).toBe(5);
    const [first, second] = objects(drifted) as [Record<string, unknown>, Record<string, unknown>];
    expect(first).toMatchObject({ state: "drift", drift: [{ kind: "running" }], failedUnits: ["ill.service"] });
    expect(second).toMatchObject({ state: "drift", drift: [{ kind: "default" }] });
    expect((await run("status", "--no-eval")).stdout).toMatch(
      /^web-1 .*drift[^]*it runs .*-v1, and boots .*-v2\n[^]*failed: ill/m,
    );
    const v2 = await web().read(["readlink", "-f", "/nix/var/nix/profiles/skep-2-link"]);
    await web().inside([`${v2}/bin/switch-to-configuration`, "test"]);
    await web().inside(["systemctl", "reset-failed"]);
    await scene.wantAll("v2");
  });

  it("exec runs a command on both, and tells its ends apart", async () => {
    const script = 'echo "$1"; case $(hostname) in web-1) exit 3 ;; *) kill -9 $$ ;; esac';
    const ended = await run("exec", "--on", "*", "--json", "--", "sh", "-c", script, "sh", "it's $HOME");
    expect(ended.exitCode).toBe(5);
    const byHost = new Map(objects(ended).map((one) => [one.host, one]));
    expect(byHost.get("web-1")).toMatchObject({ ended: "exited", exitCode: 3, stdout: "it's $HOME\n" });
    expect(byHost.get("edge-1")).toMatchObject({ ended: "killed", signal: "KILL", stdout: "it's $HOME\n" });
  });

  it.each([
    { how: "is interrupted", end: (one: RunningSkep) => one.child.kill("SIGINT"), exitCode: 130 },
    { how: "is killed, and can ask for nothing", end: (one: RunningSkep) => one.child.kill("SIGKILL"), exitCode: null },
  ])("exec leaves nothing running, root's neither, when skep $how", async ({ end, exitCode }) => {
    const one = begin("exec", "--on", "*", "--", "sh", "-c", "sleep 4711 & sleep 4712");
    for (const host of [web(), edge()])
      await waitUntil(() => isRunning(host, "sleep 4712"), { timeoutMs: 20_000, what: "the command" });
    end(one);
    expect((await one.ended).exitCode).toBe(exitCode);
    for (const host of [web(), edge()]) {
      await waitUntil(async () => !(await isRunning(host, "sleep 471[12]")), {
        timeoutMs: 20_000,
        what: "the command",
      });
    }
  });

  it("rollback brings both to v1 with the same proof as a deployment, as a new generation", async () => {
    const back = await run("rollback", "--on", "*", "--json");
    expect({ exitCode: back.exitCode, outcomes: back.outcomes }).toEqual({
      exitCode: 0,
      outcomes: { "web-1": "deployed", "edge-1": "deployed" },
    });
    for (const host of [web(), edge()]) {
      const v = (version: string): string => named(host.name, version);
      expect(await stateOf(host)).toEqual({
        ...{ answer: "v1", running: v("v1"), default: v("v1"), generations: [v("v1"), v("v2"), v("v1")] },
        ...{ bootDefault: v("v1"), agents: [], leaseIsThere: false },
      });
      expect(back.host(host.name)).toMatchObject({ logins: 2, copiedBytes: 0, generation: 3 });
    }
    const steps = back.events.flatMap((event) =>
      event.type === "step-started" && event.host === "web-1" ? [event.step] : [],
    );
    expect(steps).toEqual(["connect", "probe", "lease", "test", "login", "check", "commit"]);
    const [history] = objects(await run("history", "--on", "web-1", "--json"));
    expect(history).toMatchObject({
      entries: [
        { generation: 3, rollback: true, run: back.report.run, marks: ["running", "default"] },
        { generation: 2, rollback: false, marks: [] },
        { generation: 1, marks: [] },
      ],
    });
  });

  it("rollback that is not proven stays at what ran", async () => {
    const broken = { checks: [command(["false"], { period: "100ms", deadline: "1s" })] };
    await scene.rewrite({ "web-1": broken });
    const back = await run("rollback", "--on", "web-1", "--to", "2", "--json");
    expect({ exitCode: back.exitCode, outcomes: back.outcomes }).toEqual({
      exitCode: 6,
      outcomes: { "web-1": "rolled-back" },
    });
    expect(await stateOf(web())).toMatchObject({ answer: "v1", default: named("web-1", "v1"), leaseIsThere: false });
    await scene.rewrite({});
  });

  it("a rollback whose operator is killed is finished by skep resume", async () => {
    const killed = begin(
      "rollback",
      "--on",
      "web-1, edge-1",
      "--to",
      "2",
      "--wave",
      "web-1",
      "--wave",
      "rest",
      "--json",
    );
    await killed.began("web-1", "test");
    killed.child.kill("SIGKILL");
    await killed.ended;
    const resumed = await run("resume", "--json");
    expect({ exitCode: resumed.exitCode, outcomes: resumed.outcomes }).toMatchObject({
      outcomes: { "edge-1": "deployed" },
    });
    expect(await stateOf(edge())).toMatchObject({ answer: "v2", default: named("edge-1", "v2"), leaseIsThere: false });
    const isBack = resumed.outcomes["web-1"] === "deployed" ? "v2" : "v1";
    expect(await stateOf(web())).toMatchObject({
      answer: isBack,
      default: named("web-1", isBack),
      leaseIsThere: false,
    });
  });

  it("a generation that was collected is refused with what is there, and nothing is touched", async () => {
    await scene.wantAll("v4");
    expect((await scene.deploy()).exitCode).toBe(0);
    const before = await stateOf(web());
    await web().read([
      "sh",
      "-c",
      "nix-env -p /nix/var/nix/profiles/skep --delete-generations old 2>&1 && nix-collect-garbage 2>&1",
    ]);
    const refused = await run("rollback", "--on", "web-1");
    expect(refused.exitCode).toBe(5);
    expect(refused.stderr).toMatch(
      /web-1: .*-v\d was collected.*\[rollout\/collected\]\n.*hint: .*it has the generations \d/,
    );
    expect({ ...(await stateOf(web())), generations: [] }).toEqual({ ...before, generations: [] });
  });

  it("lease ls tells who holds a host, and lease break sends what is under way back first", async () => {
    const slow = {
      checks: [command(["false"], { period: "100ms", deadline: "60s" })],
      activation: { confirmTimeout: "90s" },
    };
    await scene.rewrite({ "edge-1": slow });
    await scene.wantAll("v5");
    const robbed = scene.begin("--on", "edge-1");
    await robbed.began("edge-1", "check");
    expect((await run("lease", "ls")).stdout).toMatch(
      /^web-1 {3}free\nedge-1 {2}held by .*skep deploy switch.* more\n$/,
    );
    expect(await run("lease", "break", "--on", "edge-1")).toMatchObject({ exitCode: 2 });
    const broken = await run("lease", "break", "--on", "edge-1", "--yes");
    expect(broken.exitCode).toBe(0);
    expect(broken.stdout).toMatch(/^edge-1 {2}taken from .*: its agent ended rolled back\n$/);
    expect((await robbed.ended).outcomes).toEqual({ "edge-1": "rolled-back" });
    expect(await stateOf(edge())).toMatchObject({ answer: "v4", default: named("edge-1", "v4"), leaseIsThere: false });
    expect((await skep(scene.fleet, ["lease", "ls", "--on", "*"], { cwd: scene.folder })).stdout).toBe(
      "web-1   free\nedge-1  free\n",
    );
  });
});
