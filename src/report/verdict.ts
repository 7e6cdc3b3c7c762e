import { formatDuration } from "#core";
import type { Outcome, RolloutReport } from "#rollout";
import { OUTCOMES } from "#rollout";
import type { Paint } from "./paint.ts";
import { OUTCOME_STYLES, outcomeWord } from "./words.ts";

/** What the goal was to bring first, then from good to bad. */
export const VERDICT_ORDER = ["deployed", ...OUTCOMES.filter((outcome) => outcome !== "deployed")] as const;

/** The run in one line: `switch: 3 deployed, 1 unchanged, 1 rolled back in 42 s`. */
export function verdict(report: RolloutReport, paint: Paint): string {
  const counts = countOutcomes(report.hosts);
  const parts = VERDICT_ORDER.filter((outcome) => counts[outcome] > 0).map((outcome) =>
    paint(OUTCOME_STYLES[outcome], `${counts[outcome]} ${outcomeWord(outcome, report.goal)}`),
  );
  const told = parts.length === 0 ? "no hosts" : parts.join(", ");
  const unfinished = report.interrupted ? paint("yellow", ", unfinished because interrupted") : "";
  return `${paint("bold", `${report.goal}:`)} ${told} in ${formatDuration(report.durationMs)}${unfinished}`;
}

/** How many ended in each way. */
export function countOutcomes(hosts: Iterable<{ readonly outcome: Outcome }>): Record<Outcome, number> {
  const counts = { unchanged: 0, deployed: 0, skipped: 0, failed: 0, "rolled-back": 0, stranded: 0 };
  for (const { outcome } of hosts) counts[outcome] += 1;
  return counts;
}
