import { describe, expect, it } from "vitest";
import type { Goal } from "#hive";
import { GOALS } from "#hive";
import { STEPS, stepsFor } from "#rollout";

const BEFORE = ["evaluate", "build"];
const REACH = ["connect", "probe", "lease"];
const ON_HOST = [...BEFORE, ...REACH, "copy"];
const WITH_SECRETS = [...ON_HOST, "secrets"];

const EXPECTED: Readonly<Record<Goal, readonly string[]>> = {
  build: BEFORE,
  push: ON_HOST,
  "dry-activate": [...WITH_SECRETS, "dry-activate"],
  secrets: [...REACH, "secrets", "test", "login", "check", "commit"],
  test: [...WITH_SECRETS, "test", "login", "check", "confirm"],
  boot: [...WITH_SECRETS, "commit"],
  switch: [...WITH_SECRETS, "test", "login", "check", "commit"],
};

describe("stepsFor()", () => {
  it.each(GOALS)("gives the steps of %s in their one order", (goal) => {
    expect(stepsFor(goal, { secrets: true })).toEqual(EXPECTED[goal]);
  });

  it("speaks of secrets only where a host consumes some", () => {
    for (const goal of GOALS) {
      expect(stepsFor(goal, { secrets: false })).toEqual(EXPECTED[goal].filter((step) => step !== "secrets"));
    }
  });

  it("never makes a system the default before a fresh login and its checks, but for boot", () => {
    for (const goal of GOALS.filter((candidate) => candidate !== "boot")) {
      const steps = stepsFor(goal, { secrets: true });
      if (!steps.includes("commit")) continue;
      expect(steps.slice(steps.indexOf("commit") - 3)).toEqual(["test", "login", "check", "commit"]);
    }
  });

  it("leaves no step without a goal", () => {
    const used = new Set(GOALS.flatMap((goal) => stepsFor(goal, { secrets: true })));
    expect(STEPS.filter((step) => !used.has(step))).toEqual([]);
  });
});
