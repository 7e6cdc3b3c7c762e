import type { RolloutReport } from "#rollout";
import { closingTable } from "./closing-table.ts";
import { verdict } from "./run/verdict.ts";
import { createPaint } from "./text/paint.ts";

/** How a run ended, for people: a table of its hosts, the worst last, and one line of verdict. Ends with a line end. */
export function summary(
  report: RolloutReport,
  { colors, columns }: { readonly colors: boolean; readonly columns: number },
): string {
  const paint = createPaint(colors);
  const table = closingTable(report, { columns, paint });
  return [...table, ...(table.length === 0 ? [] : [""]), verdict(report, paint), ""].join("\n");
}
