/** What a deployment is to reach, from least to most. */
export const GOALS = ["build", "push", "dry-activate", "secrets", "test", "boot", "switch"] as const;

/**
 * - `build`: evaluate and build, touch no host
 * - `push`: also copy the closure to the host
 * - `dry-activate`: also let the host say what activating it would do
 * - `secrets`: install the secrets alone, and prove the host well with them
 * - `test`: also activate it and prove it well, without making it the default
 * - `boot`: make it what boots next, without activating it now
 * - `switch`: activate it, prove it well, and make it the default
 */
export type Goal = (typeof GOALS)[number];

/** The goals that a plan can be made for: those that change what hosts run or boot. */
export const PLAN_GOALS = ["secrets", "test", "boot", "switch"] as const satisfies readonly Goal[];

export type PlanGoal = (typeof PLAN_GOALS)[number];

/** Whether this goal connects to the hosts. */
export function needsHost(goal: Goal): boolean {
  return goal !== "build";
}

/** Whether a system is made for the host. */
export function makesSystem(goal: Goal): boolean {
  return goal !== "secrets";
}

/** Whether the host opens the secrets that it consumes: for good, or to see whether it can. */
export function installsSecrets(goal: Goal): boolean {
  return goal !== "build" && goal !== "push";
}

/** Whether the host runs the new system when the goal is reached. */
export function activates(goal: Goal): goal is "test" | "switch" {
  return goal === "test" || goal === "switch";
}

/** Whether the host still has the new system after a reboot. */
export function persistsAfterReboot(goal: Goal): goal is "boot" | "switch" {
  return goal === "boot" || goal === "switch";
}
