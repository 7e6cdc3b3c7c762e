import { describe, expect, it, vi } from "vitest";
import { nixos, unit } from "#hive";
import { mostUnavailable, simulateRollout } from "#simulation";
import type { SimulatedRollout } from "#simulation";

const hive = {
  hosts: Object.fromEntries(
    ["web-1", "web-2", "web-3", "db-1", "db-2", "edge-1"].map((name) => [
      name,
      {
        tags: [name.split("-", 1)[0] ?? "", ...(name === "web-1" ? ["canary"] : [])],
        system: nixos({ flake: "github:o/r" }),
        checks: [unit("nginx", { deadline: "20s" })],
        secrets: { "web/token": {} },
      },
    ]),
  ),
};

const outcomes = ({ hosts }: SimulatedRollout): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries([...hosts].map(([name, { outcome }]) => [name, outcome]));

describe("simulateRollout()", () => {
  it("deploys a fleet whose every host then runs and boots the new system", async () => {
    const rollout = await simulateRollout({ hosts: hive });
    expect(new Set(Object.values(outcomes(rollout)))).toEqual(new Set(["deployed"]));
    for (const { finally: end } of rollout.hosts.values()) {
      expect(end).toEqual({
        ...{ isUp: true, runs: "new", boots: "new", booted: "old", profile: "new", secrets: "new" },
        ...{ isLeased: false, agents: [] },
      });
    }
    expect(rollout.report?.hosts.map(({ logins }) => logins)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it("a broken canary is rolled back and nobody follows", async () => {
    const rollout = await simulateRollout({
      hosts: hive,
      policy: { waves: ["@canary", "rest"] },
      faults: [{ host: "web-1", kind: "unhealthy" }],
    });
    expect(outcomes(rollout)).toEqual({
      "web-1": "rolled-back",
      ...{ "web-2": "skipped", "web-3": "skipped", "db-1": "skipped", "db-2": "skipped", "edge-1": "skipped" },
    });
    expect(rollout.hosts.get("web-1")?.finally).toMatchObject({ runs: "old", boots: "old" });
    expect([...rollout.hosts.values()].filter(({ wasActivated }) => wasActivated)).toHaveLength(1);
  });

  it("with a budget of one and two failing, revert-run brings everyone back to the old system", async () => {
    const rollout = await simulateRollout({
      hosts: hive,
      limits: { parallel: 1 },
      policy: { maxFailures: 1, onFailure: "revert-run" },
      faults: [
        { host: "web-3", kind: "switch-fails" },
        { host: "db-2", kind: "unhealthy" },
      ],
    });
    expect(outcomes(rollout)).toEqual({
      ...{ "web-1": "rolled-back", "web-2": "rolled-back", "web-3": "rolled-back" },
      ...{ "db-1": "rolled-back", "db-2": "rolled-back", "edge-1": "skipped" },
    });
    for (const { finally: end } of rollout.hosts.values()) expect(end).toMatchObject({ runs: "old", boots: "old" });
  });

  it("keeps a bound among the hosts of a selection", async () => {
    const rollout = await simulateRollout({ hosts: hive, policy: { maxUnavailable: { "*": 3, "@web": 1 } } });
    expect(rollout.mostUnavailable).toBe(3);
    expect(mostUnavailable(rollout.outages, new Set(["web-1", "web-2", "web-3"]))).toBe(1);
  });

  it("a soaking host that falls ill goes back", async () => {
    const faults = [{ host: "web-1", kind: "unhealthy" as const, afterMs: 60_000 }];
    const soaked = await simulateRollout({ hosts: hive, policy: { soak: "2m", maxFailures: 6 }, faults });
    const unsoaked = await simulateRollout({ hosts: hive, policy: { maxFailures: 6 }, faults });
    expect(outcomes(soaked)["web-1"]).toBe("rolled-back");
    expect(outcomes(unsoaked)["web-1"]).toBe("deployed");
  });

  it("hosts of a killed operator go back by themselves, and their leases expire", async () => {
    const rollout = await simulateRollout({
      hosts: hive,
      faults: [{ kind: "operator-killed", host: "db-1", when: { step: "check" } }],
    });
    expect(rollout.report).toBeUndefined();
    expect(rollout.hosts.get("db-1")?.outcome).toBeUndefined();
    for (const { finally: end } of rollout.hosts.values()) {
      expect(end.runs).toBe(end.boots);
      expect(end).toMatchObject({ isLeased: false, agents: [] });
    }
    expect(rollout.overdue).toEqual([]);
  });

  it("what a killed or crashed operator left is resumed, or taken back", async () => {
    for (const kind of ["operator-killed", "operator-crashed"] as const) {
      const killed = { hosts: hive, faults: [{ kind, host: "db-1", when: { step: "check" } }] } as const;
      const finished = await simulateRollout({ ...killed, resume: { afterMs: 10_000, wanted: "finish" } });
      expect(new Set(Object.values(outcomes(finished)))).toEqual(new Set(["deployed"]));
      const reverted = await simulateRollout({ ...killed, resume: { afterMs: 10_000, wanted: "revert" } });
      for (const { finally: end } of reverted.hosts.values()) {
        expect(end).toMatchObject({ runs: "old", boots: "old", secrets: "old", isLeased: false });
      }
    }
  });

  it("a second operator who waits finds the hosts held, and one who steals has them", async () => {
    const second = (steals: boolean): Promise<SimulatedRollout> =>
      simulateRollout({ hosts: hive, faults: [{ kind: "second-operator", when: { atMs: 5_000 }, steals }] });
    const waited = await second(false);
    expect(new Set(Object.values(outcomes(waited)))).toEqual(new Set(["deployed"]));
    expect(waited.second?.hosts.some(({ outcome }) => outcome === "failed")).toBe(true);
    const stolen = await second(true);
    expect(Object.values(outcomes(stolen))).toContain("rolled-back");
    for (const { finally: end } of stolen.hosts.values()) expect(end.runs).toBe(end.boots);
  });

  it("reboots where that is wanted, and proves what came up", async () => {
    const rollout = await simulateRollout({ hosts: hive, reboot: "if-needed", needsReboot: ["web-2"] });
    expect([...rollout.hosts].filter(([, { finally: end }]) => end.booted === "new").map(([name]) => name)).toEqual([
      "web-2",
    ]);
  });

  it("a host that is dead for good while it was being activated is stranded; one that comes back is not", async () => {
    const when = { step: "test" as const, afterMs: 2_000 };
    const rollout = await simulateRollout({
      hosts: hive,
      policy: { maxFailures: 6 },
      faults: [
        { host: "web-1", kind: "dead", when },
        { host: "web-2", kind: "dead", when, forMs: 60_000 },
      ],
    });
    expect(outcomes(rollout)).toMatchObject({ "web-1": "stranded", "web-2": "rolled-back", "web-3": "deployed" });
  });

  it("a gate that is a function is asked, and a person agrees", async () => {
    const asked: string[] = [];
    const rollout = await simulateRollout({
      hosts: hive,
      policy: {
        waves: [
          "@canary",
          { hosts: "@web", gate: "confirm" },
          {
            hosts: "rest",
            gate: async ({ wave }) => {
              await new Promise((resolve) => setTimeout(resolve, 5));
              asked.push(wave);
              return "changes are frozen";
            },
          },
        ],
      },
    });
    expect(asked).toEqual(["rest"]);
    expect(outcomes(rollout)).toMatchObject({ "web-2": "deployed", "db-1": "skipped" });
  });

  it("the same seed gives the same run, event by event, and another seed another", async () => {
    const play = (seed: number): Promise<SimulatedRollout> =>
      simulateRollout({ hosts: 40, seed, faults: [{ host: "host-3", kind: "flapping", share: 0.5 }] });
    const [one, again, other] = [await play(7), await play(7), await play(8)];
    expect(again.events).toEqual(one.events);
    expect(other.events).not.toEqual(one.events);
  });

  it("takes no real time from anywhere", async () => {
    const [timers, dates] = [vi.spyOn(globalThis, "setTimeout"), vi.spyOn(Date, "now")];
    try {
      await simulateRollout({
        hosts: 40,
        policy: { soak: "1m", maxFailures: 40, waves: [{ hosts: "@canary", gate: () => true }, "rest"] },
        faults: [
          { host: "host-2", kind: "flapping", share: 0.5 },
          { host: "host-3", kind: "network-cut", when: { step: "check" }, forMs: 20_000 },
          { host: "host-4", kind: "dead", when: { step: "copy" } },
        ],
      });
      // One bounds how long time stands still for the gate.
      expect(timers.mock.calls.map(([, ms]) => ms)).toEqual([10_000]);
      expect(dates).not.toHaveBeenCalled();
    } finally {
      vi.restoreAllMocks();
    }
  });

  it("takes hosts made up by number, and refuses a fault of a host that is not there", async () => {
    await expect(simulateRollout({ hosts: 3, faults: [{ host: "host-4", kind: "unhealthy" }] })).rejects.toThrow(
      "there is no host host-4 for unhealthy to happen to",
    );
    await expect(simulateRollout({ hosts: 0 })).rejects.toThrow("cannot simulate 0 hosts");
  });
});
