import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Played } from "./arbitrary-runs.ts";
import { courses, play } from "./arbitrary-runs.ts";
import { laws } from "./laws.ts";

/** More where there is time, and others: SKEP_RUNS=5000 SKEP_SEED=7. */
const RUNS = Number(process.env.SKEP_RUNS ?? 150);
const SEED = Number(process.env.SKEP_SEED ?? 1);

const TIMEOUT_MS = 60_000 + RUNS * 1_000;

function broken(played: Played): readonly string[] {
  return Object.entries(laws).flatMap(([name, law]) => law(played).map((what) => `${name}: ${what}`));
}

const web = { role: "web", isCanary: false, isUpToDate: false } as const;

describe("in any fleet, under any policy, whatever goes wrong", () => {
  it("every law holds", { timeout: TIMEOUT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(courses, async (course) => {
        const played = await play(course);
        if (played !== undefined) expect(broken(played)).toEqual([]);
      }),
      { numRuns: 6 * RUNS, seed: SEED },
    );
  });

  it("the same course is the same again, event by event", async () => {
    await fc.assert(
      fc.asyncProperty(courses, async (course) => {
        const [one, again] = [await play(course), await play(course)];
        expect(again?.rollout).toEqual(one?.rollout);
      }),
      { numRuns: RUNS / 5, seed: SEED },
    );
  });

  it.each(["connection-lost", "reboot", "agent-killed"] as const)("%s, at any moment of a commit", async (kind) => {
    for (let afterMs = 0; afterMs < 4_000; afterMs += 40) {
      const played = await play({
        ...{ seed: 1, policy: {}, limits: { parallel: 2, copy: 2, activate: 2 }, goal: "switch" },
        hosts: [web, web],
        faults: [{ host: "host-1", kind, when: { step: "commit", afterMs } }],
      });
      expect(played && broken(played)).toEqual([]);
    }
  });

  it("the next deployment needs no cleaning up", async () => {
    await fc.assert(
      fc.asyncProperty(courses, async (course) => {
        const played = await play(course);
        if (played === undefined) return;
        const { fleet, rollout, hosts } = played;
        fleet.mend();
        await fleet.clock.advance(200_000);
        const next = await fleet.deploy({
          ...{ release: "v3", goal: "switch", faults: [], policy: { ...played.policy, order: [] } },
          limits: { parallel: 10, copy: 10, activate: 10, evaluate: 1, build: 1, evaluateMemoryMiB: undefined },
        });
        const outcomes = hosts.map(({ name }) => `${name} ${next.hosts.get(name)?.outcome ?? ""}`);
        expect(outcomes, JSON.stringify([...rollout.hosts])).toEqual(hosts.map(({ name }) => `${name} deployed`));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
