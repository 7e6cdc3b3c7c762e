import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acquireLease } from "#activation";
import type { FleetPlan, HostReport, PlanFleetOptions, RollOutOptions } from "#rollout";
import { planFleet } from "#rollout";
import { logIn } from "../sandbox/log-in.ts";
import type { OneHost, Release } from "./one-host.ts";
import { startOneHost } from "./one-host.ts";

describe("a host that another run holds", { timeout: 60_000 }, () => {
  let web: OneHost;
  beforeEach(async () => {
    web = await startOneHost();
  });
  afterEach(() => web[Symbol.asyncDispose]());

  const running = (): string => web.running();
  const soonBack = (release: string): Release => ({ release, confirmTimeout: "3s" });
  const deploy = (release: string, options?: Partial<RollOutOptions>): Promise<HostReport> =>
    web.deploy(soonBack(release), options);
  function plan(release: string, options: Partial<PlanFleetOptions> = {}): Promise<FleetPlan> {
    const hive = web.hive(soonBack(release));
    const defaults = { goal: "switch", hosts: hive.hosts, signal: new AbortController().signal } as const;
    return planFleet(hive, { ...defaults, onEvent: () => undefined, ...options });
  }

  /** Leaves a host in the midst of its test, as a job that is killed does: the agent takes it back. */
  async function leaveInTest(release: string): Promise<void> {
    const before = running();
    await web.leaveWhen({ type: "log", step: "test" }, soonBack(release));
    await expect.poll(running).not.toBe(before);
  }

  async function hold(ttlMs: number): Promise<void> {
    await using connection = await logIn(web.machine);
    const access = { runner: connection, root: web.machine.root };
    await acquireLease(access, { run: "20260131-142501-3f9a", owner: "ann@laptop", reason: "tea", ttlMs });
  }

  it("is waited for until its way back is gone, and then deployed to", async () => {
    await deploy("v1");
    const old = running();
    await leaveInTest("v2");
    const report = await deploy("v3", { leaseTimeoutMs: 30_000 });
    expect(report).toMatchObject({ outcome: "deployed", from: old });
    expect(report.notices).toEqual([
      expect.stringMatching(/^waits for its lease, 30 s at most: held by \S+@\S+ \(run /),
    ]);
  });

  it("is waited for until the lease of a run that died has expired", async () => {
    await hold(2_000);
    const report = await deploy("v1", { leaseTimeoutMs: 30_000 });
    expect(report).toMatchObject({
      outcome: "deployed",
      notices: [expect.stringContaining("waits for its lease"), expect.stringContaining("took over the expired lease")],
    });
  });

  it("is waited for no longer than was said, nor when the operator stops the run", async () => {
    await hold(60_000);
    const message = expect.stringContaining("held by ann@laptop") as string;
    const held = { outcome: "failed", error: { code: "activation/lease-held", message } };
    expect(await deploy("v1", { leaseTimeoutMs: 100 })).toMatchObject(held);
    const stop = new AbortController();
    const stopped = deploy("v1", {
      leaseTimeoutMs: 600_000,
      stop: stop.signal,
      onEvent(event) {
        if (event.type === "notice") stop.abort();
      },
    });
    expect(await stopped).toMatchObject(held);
  });

  it("is planned as it is when nobody waits, which is told", async () => {
    await deploy("v1");
    await leaveInTest("v2");
    const under = running();
    const [host] = (await plan("v3")).hosts;
    expect(host).toMatchObject({
      from: { running: under },
      notices: [expect.stringMatching(/^held by .*: that run may yet change it$/)],
    });
  });

  it("is planned from where it went back to, and that plan can be deployed", async () => {
    await deploy("v1");
    const old = running();
    await leaveInTest("v2");
    const made = await plan("v3", { leaseTimeoutMs: 30_000 });
    expect(made.hosts[0]).toMatchObject({ from: { running: old }, notices: [] });
    expect(await deploy("v3", { saved: made })).toMatchObject({ outcome: "deployed", from: old });
  });

  it("has not moved from a plan while what moved it may go back", async () => {
    await deploy("v1");
    const old = running();
    const made = await plan("v3");
    await leaveInTest("v2");
    expect(await deploy("v3", { saved: made })).toMatchObject({ error: { code: "rollout/moved" } });
    expect(await deploy("v3", { saved: made, leaseTimeoutMs: 30_000 })).toMatchObject({
      outcome: "deployed",
      from: old,
    });
  });
});
