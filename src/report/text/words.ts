import type { Goal } from "#hive";
import type { Outcome, RolloutReport } from "#rollout";
import type { Style } from "./paint.ts";

const REACHED = {
  build: "built",
  push: "pushed",
  "dry-activate": "checked",
  test: "tested",
  boot: "set for the next boot",
  secrets: "supplied",
  switch: "deployed",
} as const satisfies Record<Goal, string>;

/** What a host is called that ended so: `deployed` is said as the goal has it, the others are the same for all goals. */
export function outcomeWord(outcome: Outcome, goal: Goal): string {
  if (outcome === "deployed") return REACHED[goal];
  return outcome === "rolled-back" ? "rolled back" : outcome;
}

/** What a run is called: after its goal, unless it takes hosts back; `planning switch` where it is only planned. */
export function runWord({ goal, rollback, planning }: NamedRun): string {
  return `${planning === true ? "planning " : ""}${rollback === true ? "rollback" : goal}`;
}

interface NamedRun extends Pick<RolloutReport, "goal" | "rollback"> {
  readonly planning?: true | undefined;
}

/** One character for an outcome, so that a screen without colours can be scanned too. */
export const OUTCOME_MARKS = {
  unchanged: "=",
  deployed: "+",
  skipped: "-",
  failed: "x",
  "rolled-back": "<",
  stranded: "!",
} as const satisfies Record<Outcome, string>;

export const OUTCOME_STYLES = {
  unchanged: "dim",
  deployed: "green",
  skipped: "yellow",
  failed: "red",
  "rolled-back": "red",
  stranded: "red",
} as const satisfies Record<Outcome, Style>;

/** `1 host`, `3 hosts`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `web-1, web-2 and 8 more`: as many names as are asked for. */
export function listNames(names: readonly string[], most: number): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

/** `wave 2 of 3, @web`. */
export function waveText(number: number, { of, name }: { readonly of: number; readonly name: string }): string {
  return `wave ${number} of ${of}, ${name}`;
}
