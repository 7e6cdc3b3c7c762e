import { describe, expect, it } from "vitest";
import { stepsFor } from "#rollout";
import type { RolloutEvent } from "#rollout";
import { createPaint } from "../../src/report/text/paint.ts";
import { renderFrame } from "../../src/report/screen/frame.ts";
import { applyEvent, createRunState } from "../../src/report/run/run-state.ts";
import { reportRun } from "./report-run.ts";
import { name, NOON } from "./typical-run.ts";

const [WEB_1, WEB_2, DB] = [name("web-1"), name("web-2"), name("db-1")];
const WAVES = [
  { name: "@canary", hosts: [WEB_1] },
  { name: "rest", hosts: [WEB_2, DB] },
];
const STARTED: RolloutEvent = {
  at: NOON,
  ...{ type: "run-started", run: "r-7c1d", goal: "switch", hive: "apiary" },
  ...{ hosts: [WEB_1, WEB_2, DB], steps: stepsFor("switch"), waves: WAVES },
};
const BEGUN: RolloutEvent = { at: NOON, type: "wave-started", wave: "@canary", number: 1, of: 2, hosts: [WEB_1] };

function frame(events: readonly RolloutEvent[], now: number): string[] {
  const state = createRunState();
  for (const event of events) applyEvent(state, event);
  return renderFrame(state, { columns: 100, rows: 24, now, paint: createPaint(false), verbose: false });
}

describe("a run in waves", () => {
  it("counts them when it starts, and numbers each as it begins", async () => {
    const { stderr } = await reportRun([STARTED, BEGUN]);
    expect(stderr).toBe(`\
12:00:00 switch of 3 hosts of apiary in 2 waves, run r-7c1d
12:00:00 wave 1 of 2, @canary: 1 host
`);
  });

  it("names the hosts of each with --verbose", async () => {
    const { stderr } = await reportRun([STARTED], { verbose: true });
    expect(stderr).toContain("wave 1 of 2, @canary: web-1\n12:00:00 wave 2 of 2, rest: web-2, db-1\n");
  });

  it("shows on a screen which one is under way and which each host waits for", () => {
    const lines = frame([STARTED, BEGUN, { at: NOON, type: "step-started", host: WEB_1, step: "connect" }], NOON);
    expect(lines[1]).toMatch(/^\. web-2 +waiting +wave 2 of 2, rest$/);
    expect(lines.at(-1)).toBe("switch: 1 under way, 2 waiting, wave 1 of 2, 0 s");
  });
});

describe("a soak", () => {
  const soaking = (afterMs: number, message = "soaking: all checks pass"): RolloutEvent => ({
    ...{ at: NOON + afterMs, type: "step-progress", host: WEB_1, step: "check" },
    ...{ message, until: NOON + 300_000 },
  });
  const checking: RolloutEvent = { at: NOON, type: "step-started", host: WEB_1, step: "check" };

  it("shows on a screen how long it goes on, while nothing new comes", () => {
    const rowAt = (afterMs: number) => frame([STARTED, checking, soaking(0)], NOON + afterMs)[0];
    expect(rowAt(0)).toMatch(/check +0 s +soaking: all checks pass, 5 min 00 s left$/);
    expect(rowAt(65_000)).toMatch(/soaking: all checks pass, 3 min 55 s left$/);
    expect(rowAt(400_000)).toMatch(/soaking: all checks pass, 0 s left$/);
  });

  it("is over when something else is said", () => {
    const waiting: RolloutEvent = { at: NOON, type: "step-progress", host: WEB_1, step: "check", message: "waiting" };
    expect(frame([STARTED, checking, soaking(0), waiting], NOON)[0]).toMatch(/waiting$/);
  });

  it("is told in lines when it begins, and then every ten seconds at most", async () => {
    const { stderr } = await reportRun([STARTED, checking, soaking(1_000), soaking(5_000), soaking(21_000)]);
    expect(stderr.match(/soaking.*/g)).toEqual([
      "soaking: all checks pass, 4 min 59 s left",
      "soaking: all checks pass, 4 min 39 s left",
    ]);
  });
});
