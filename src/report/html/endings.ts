import type { Goal } from "#hive";
import type { Outcome } from "#rollout";
import type { HostState } from "../run/run-state.ts";
import { OUTCOME_MARKS, outcomeWord } from "../text/words.ts";

/** How a host ended, or that it did not. */
export type Ending = Outcome | "not-ended";

/** From those that need somebody to those that do not. */
export const ENDINGS: readonly Ending[] = [
  "stranded",
  "rolled-back",
  "failed",
  "not-ended",
  "skipped",
  "deployed",
  "unchanged",
];

export function endingOf({ report }: HostState): Ending {
  return report?.outcome ?? "not-ended";
}

export function endingClass(host: HostState): string {
  return `o-${endingOf(host)}`;
}

export function endingWord(host: HostState, goal: Goal): string {
  return wordOf(endingOf(host), goal);
}

export function wordOf(ending: Ending, goal: Goal): string {
  return ending === "not-ended" ? "not ended" : outcomeWord(ending, goal);
}

export function markOf(ending: Ending): string {
  return ending === "not-ended" ? "?" : OUTCOME_MARKS[ending];
}
