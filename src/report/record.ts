import { isAsWanted } from "#rollout";
import { closingTable } from "./closing-table.ts";
import { describeDryActivations } from "./run/dry-activations.ts";
import type { Notice, RunState } from "./run/run-state.ts";
import { describeNotices, describeTroubles } from "./run/troubles.ts";
import { verdict } from "./run/verdict.ts";
import type { Paint } from "./text/paint.ts";

export interface RecordOptions {
  readonly columns: number;
  readonly paint: Paint;
  /** Only what went wrong. */
  readonly quiet: boolean;
  /** Which notices to tell: not those again that were told when they came. */
  readonly notices: "all" | "unannounced";
}

/**
 * What a run leaves behind for people: what hosts announced, the table of its hosts, what there is to know, what went wrong
 * in full, and the verdict next to the prompt. Without a report (the run was left before its end) there is no table.
 */
export function renderRecord(state: RunState, { columns, paint, quiet, notices }: RecordOptions): string {
  const { report } = state;
  const untold = ({ announced }: Notice): boolean => notices === "all" || !announced;
  const blocks = [
    quiet ? [] : describeDryActivations(state, paint),
    report === undefined || quiet ? [] : closingTable(report, { columns, paint }),
    [...(quiet ? [] : describeNotices(state.notices.filter(untold), paint)), ...describeTroubles(state, paint)],
    report === undefined || (quiet && !report.interrupted && report.hosts.every(isAsWanted))
      ? []
      : [verdict(report, paint)],
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join(quiet ? "" : "\n");
}
