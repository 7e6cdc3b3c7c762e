import { describe, expect, it } from "vitest";
import type { Goal } from "#hive";
import { GOALS } from "#hive";
import { STEPS, stepsFor } from "#rollout";

const BEFORE = ["evaluate", "build"];
const ON_HOST = [...BEFORE, "connect", "probe", "lease", "copy"];

const EXPECTED: Readonly<Record<Goal, readonly string[]>> = {
  build: BEFORE,
  push: ON_HOST,
  "dry-activate": [...ON_HOST, "dry-activate"],
  test: [...ON_HOST, "test", "login", "check", "confirm"],
  boot: [...ON_HOST, "commit"],
  switch: [...ON_HOST, "test", "login", "check", "commit"],
};

describe("stepsFor()", () => {
  it.each(GOALS)("gives the steps of %s in their one order", (goal) => {
    expect(stepsFor(goal)).toEqual(EXPECTED[goal]);
  });

  it("never makes a system the default before a fresh login and its checks, but for boot", () => {
    for (const goal of GOALS.filter((candidate) => candidate !== "boot")) {
      const steps = stepsFor(goal);
      if (!steps.includes("commit")) continue;
      expect(steps.slice(steps.indexOf("commit") - 3)).toEqual(["test", "login", "check", "commit"]);
    }
  });

  it("leaves no step without a goal", () => {
    const used = new Set(GOALS.flatMap((goal) => stepsFor(goal)));
    expect(STEPS.filter((step) => !used.has(step))).toEqual([]);
  });
});
