import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "#rollout";
import { fleetUnavailable } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";

const NAMES = ["web-1", "web-2", "web-3", "web-4", "web-5", "web-6"] as const;
const UNHEALTHY = { version: "bad", fault: "unhealthy" } as const;

describe.skipIf(fleetUnavailable() !== undefined)("a rollout over six hosts", () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(NAMES.map((name) => ({ name, suite: "bookworm" })));
    await scene.wantAll("v1");
    expect((await scene.deploy()).exitCode).toBe(0);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const all = (outcome: Outcome): Record<string, Outcome> => Object.fromEntries(NAMES.map((name) => [name, outcome]));
  async function expectEverywhere(version: string, generations: readonly string[]): Promise<void> {
    for (const host of scene.fleet.hosts) {
      const named = (of: string): string => `skep-test-system-${host.name}-${of}`;
      expect(await stateOf(host)).toEqual({
        answer: version,
        running: named(version),
        default: named(version),
        generations: generations.map(named),
        bootDefault: named(version),
        agents: [],
        leaseIsThere: false,
      });
    }
  }

  it("with a broken canary: one is rolled back, five are untouched, and the exit code says so", async () => {
    await scene.wantAll("v2", { "web-1": UNHEALTHY });
    const run = await scene.deploy("--wave", "web-1", "--wave", "rest");
    expect(run.exitCode).toBe(6);
    expect(run.outcomes).toEqual({ ...all("skipped"), "web-1": "rolled-back" });
    expect(run.report.hosts.filter(({ logins }) => logins > 0).map(({ host }) => host)).toEqual(["web-1"]);
    await expectEverywhere("v1", ["v1"]);
  });

  it("over its budget goes back as a whole, with the generations that were there before", async () => {
    await scene.wantAll("v2", { "web-3": UNHEALTHY, "web-4": UNHEALTHY });
    const run = await scene.deploy(
      "--wave",
      "2",
      "--wave",
      "rest",
      "--max-failures",
      "1",
      "--on-failure",
      "revert-run",
    );
    expect(run.exitCode).toBe(6);
    for (const outcome of Object.values(run.outcomes)) expect(["rolled-back", "skipped"]).toContain(outcome);
    expect(run.outcomes).toMatchObject({
      "web-1": "rolled-back",
      "web-2": "rolled-back",
      "web-3": "rolled-back",
      "web-4": "rolled-back",
    });
    expect(run.host("web-1")).toMatchObject({ error: { code: "rollout/reverted" } });
    for (const host of scene.fleet.hosts) {
      const { answer, running, default: boots, generations, agents, leaseIsThere } = await stateOf(host);
      const v1 = `skep-test-system-${host.name}-v1`;
      expect({ answer, running, boots, agents, leaseIsThere }).toEqual({
        answer: "v1",
        running: v1,
        boots: v1,
        agents: [],
        leaseIsThere: false,
      });
      expect(generations[0]).toBe(v1);
    }
  });

  it("that is well reaches everybody, half of them at one time at most", async () => {
    await scene.wantAll("v3");
    const run = await scene.deploy("--max-unavailable", "50%");
    expect(run.outcomes).toEqual(all("deployed"));
    let away = 0;
    let most = 0;
    for (const event of run.events) {
      if (event.type === "step-started" && event.step === "test") most = Math.max(most, (away += 1));
      if (event.type === "step-finished" && event.step === "commit") away -= 1;
    }
    expect(most).toBeLessThanOrEqual(3);
  });
});
