import { formatDuration } from "#core";
import type { Outcome, RolloutReport } from "#rollout";
import { isUnfinished, OUTCOMES } from "#rollout";
import type { Paint } from "../text/paint.ts";
import { OUTCOME_STYLES, outcomeWord, runWord } from "../text/words.ts";
import type { RunState } from "./run-state.ts";

/** What the goal was to bring first, then from good to bad. */
export const VERDICT_ORDER = ["deployed", ...OUTCOMES.filter((outcome) => outcome !== "deployed")] as const;

/** The run in one line: `switch: 3 deployed, 1 unchanged, 1 rolled back in 42 s`. */
export function verdict(report: RolloutReport, paint: Paint): string {
  const counts = countOutcomes(report.hosts);
  const parts = VERDICT_ORDER.filter((outcome) => counts[outcome] > 0).map((outcome) =>
    paint(OUTCOME_STYLES[outcome], `${counts[outcome]} ${outcomeWord(outcome, report.goal)}`),
  );
  const told = parts.length === 0 ? "no hosts" : parts.join(", ");
  const inTime = `in ${formatDuration(report.durationMs)}`;
  const verdict = `${paint("bold", `${runWord(report)}:`)} ${told} ${inTime}`;
  if (!report.interrupted) return verdict;
  return verdict + paint("yellow", isUnfinished(report) ? ", unfinished because interrupted" : ", interrupted");
}

/**
 * How a run stands or ended, in a few words: `3 deployed, 1 rolled back in 42 s`. Counts the hosts themselves, so that it is
 * right of a run that never came to its end.
 */
export function verdictOf({ goal, hosts, report, startedAt, lastAt }: RunState): string {
  const all = [...hosts.values()];
  const counts = countOutcomes(all.flatMap((host) => host.report ?? []));
  const unended = all.filter((host) => host.report === undefined).length;
  const parts = [
    ...VERDICT_ORDER.flatMap((outcome) =>
      counts[outcome] > 0 ? [`${counts[outcome]} ${outcomeWord(outcome, goal)}`] : [],
    ),
    ...(unended > 0 ? [`${unended} not ended`] : []),
  ];
  const durationMs = report?.durationMs ?? (lastAt ?? 0) - (startedAt ?? 0);
  const stopped = report?.interrupted === true ? ", interrupted" : "";
  return `${parts.length === 0 ? "no hosts" : parts.join(", ")} in ${formatDuration(Math.max(0, durationMs))}${stopped}`;
}

/** How many ended in each way. */
export function countOutcomes(hosts: Iterable<{ readonly outcome: Outcome }>): Record<Outcome, number> {
  const counts = { unchanged: 0, deployed: 0, skipped: 0, failed: 0, "rolled-back": 0, stranded: 0 };
  for (const { outcome } of hosts) counts[outcome] += 1;
  return counts;
}
