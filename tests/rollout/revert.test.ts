import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hive, RolloutPolicy } from "#hive";
import { command, parseHive, system } from "#hive";
import type { RolloutEvent, RolloutReport } from "#rollout";
import { rollOut } from "#rollout";
import type { Sandbox } from "#sandbox";
import { startSandbox, twinsOf } from "#sandbox";
import { defaultSystem, runningSystem } from "../sandbox/systems-of-host.ts";
import { policy, wave } from "./policy.ts";

const NAMES = ["web-1", "web-2", "web-3", "web-4", "web-5"] as const;

function hiveOf(release: string, broken: readonly string[] = []): Hive {
  const hosts = Object.fromEntries(
    NAMES.map((name) => {
      const etc = { release: release, ...(broken.includes(name) ? { broken: "yes" } : {}) };
      const checks = [command(["sh", "-c", '[ ! -L "$SKEP_ROOT/etc/broken" ]'], { period: "100ms", deadline: "1s" })];
      return [name, { target: `root@${name}`, system: system({ etc }), checks }];
    }),
  );
  return parseHive({ name: "budgets", hosts }, { directory: process.cwd() });
}

describe("a run over its budget", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ hosts: NAMES });
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  const events: RolloutEvent[] = [];
  async function deploy(hive: Hive, asked: RolloutPolicy): Promise<RolloutReport> {
    events.length = 0;
    const never = new AbortController().signal;
    return rollOut(hive, {
      goal: "switch",
      hosts: await twinsOf(hive.hosts, sandbox),
      policy: asked,
      onEvent: (event) => events.push(event),
      stop: never,
      leave: never,
    });
  }
  const outcomes = (report: RolloutReport): object =>
    Object.fromEntries(report.hosts.map(({ host, outcome }) => [host, outcome]));
  const runs = (name: string): string => runningSystem(sandbox.host(name));
  const boots = (name: string): string => defaultSystem(sandbox.host(name));

  it("stops, and takes everyone back to the old system when two of five fail and one may", async () => {
    const first = await deploy(hiveOf("v1"), policy());
    expect(outcomes(first)).toEqual(Object.fromEntries(NAMES.map((name) => [name, "deployed"])));
    const v1 = Object.fromEntries(NAMES.map((name) => [name, runs(name)]));

    const waves = [wave("two", { selection: "web-1, web-2" }), wave("three", { selection: "web-3, web-4, web-5" })];
    const asked = policy({
      waves: waves.map((one) => ({ ...one, maxFailures: { hosts: 1 } })),
      maxFailures: { hosts: 1 },
      onFailure: "revert-run",
    });
    const report = await deploy(hiveOf("v2", ["web-2", "web-3"]), asked);

    expect(outcomes(report)).toEqual(Object.fromEntries(NAMES.map((name) => [name, "rolled-back"])));
    const codes = report.hosts.map((host) => ("error" in host ? host.error.code : ""));
    expect(codes).toEqual([
      "rollout/reverted",
      "health/failed",
      "health/failed",
      "rollout/reverted",
      "rollout/reverted",
    ]);
    for (const name of NAMES)
      expect({ name, runs: runs(name), boots: boots(name) }).toEqual({ name, runs: v1[name], boots: v1[name] });
    const ended = events.flatMap((event) =>
      event.type === "host-finished" ? [`${event.host} ${event.report.outcome}`] : [],
    );
    expect(ended.filter((line) => line.startsWith("web-1"))).toEqual(["web-1 deployed", "web-1 rolled-back"]);
  });

  it("takes back its wave alone when that is asked for, and begins no other", async () => {
    const waves = [wave("one", { selection: "web-1" }), wave("two", { selection: "web-2, web-3" })];
    const report = await deploy(hiveOf("v3", ["web-2"]), policy({ waves, onFailure: "revert-wave" }));
    expect(outcomes(report)).toMatchObject({
      "web-1": "deployed",
      "web-2": "rolled-back",
      "web-4": "skipped",
      "web-5": "skipped",
    });
    expect(["rolled-back", "skipped"]).toContain(report.hosts.find(({ host }) => host === "web-3")?.outcome);
    expect(runs("web-1")).not.toBe(runs("web-2"));
  });

  it("leaves what was deployed where it is when it is only to stop", async () => {
    const waves = [wave("one", { selection: "web-4" }), wave("two", { selection: "web-5" })];
    const report = await deploy(hiveOf("v4", ["web-5"]), policy({ waves }));
    expect(outcomes(report)).toEqual({
      "web-4": "deployed",
      "web-5": "rolled-back",
      "web-1": "skipped",
      "web-2": "skipped",
      "web-3": "skipped",
    });
  });

  it("begins nobody whose predecessor did not end well, and waits for those that do", async () => {
    const order = [
      { before: "web-1", after: "web-2" },
      { before: "web-3", after: "web-4" },
    ];
    const report = await deploy(hiveOf("v5", ["web-1"]), policy({ order, maxFailures: { hosts: 5 }, waves: [] }));
    expect(outcomes(report)).toEqual({
      "web-1": "rolled-back",
      "web-2": "skipped",
      "web-3": "deployed",
      "web-4": "deployed",
      "web-5": "deployed",
    });
    const at = (type: RolloutEvent["type"], host: string): number =>
      events.findIndex((event) => event.type === type && "host" in event && event.host === host);
    expect(at("host-finished", "web-3")).toBeLessThan(
      events.findIndex((event) => event.type === "step-started" && event.host === "web-4" && event.step === "connect"),
    );
  });

  it("never has more hosts unavailable than it may", async () => {
    await deploy(hiveOf("v6"), policy({ maxUnavailable: { percent: 20 } }));
    let away = 0;
    let most = 0;
    for (const event of events) {
      if (event.type === "step-started" && event.step === "test") most = Math.max(most, (away += 1));
      if (event.type === "step-finished" && event.step === "commit") away -= 1;
    }
    expect(most).toBe(1);
  });
});
