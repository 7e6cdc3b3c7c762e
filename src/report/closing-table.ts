import { formatBytes, formatDuration } from "#core";
import { needsHost } from "#hive";
import type { HostReport, RolloutReport } from "#rollout";
import { OUTCOMES } from "#rollout";
import type { Paint, Style } from "./text/paint.ts";
import { renderSpans } from "./text/spans.ts";
import { describeChange, SYSTEM_DETAILS } from "./text/system-text.ts";
import { padEnd, padStart, widthOf } from "./text/width.ts";
import { OUTCOME_STYLES, outcomeWord } from "./text/words.ts";

/** A line as wide as it needs to be: how its cells are made, and how they look. */
interface Column {
  readonly head: string;
  readonly pad: typeof padEnd;
  readonly cell: (host: HostReport) => string;
  readonly style?: ((host: HostReport) => Style) | undefined;
}

/** A column whose cells are made: one per host, and wide enough for all of them. */
interface FilledColumn extends Column {
  readonly cells: readonly string[];
  readonly width: number;
}

const GAP = "  ";

/**
 * A line per host under a line of headings, the worst outcomes last so that they stand next to the prompt. A column that
 * no host has anything for is left out; where `columns` are too few, the names of systems go first, then what was
 * copied, then generations.
 */
export function closingTable(
  report: RolloutReport,
  { columns, paint }: { readonly columns: number; readonly paint: Paint },
): string[] {
  const hosts = OUTCOMES.flatMap((outcome) => report.hosts.filter((host) => host.outcome === outcome));
  const layout = chooseLayout(report, { hosts, columns });
  const heads = layout.map(({ head, pad, width }) => ({ text: pad(head, width) + GAP, style: "dim" as const }));
  const rows = hosts.map((host, row) =>
    layout.map(({ cells, pad, width, style }) => ({ text: pad(cells[row] ?? "", width) + GAP, style: style?.(host) })),
  );
  return hosts.length === 0 ? [] : [heads, ...rows].map((spans) => renderSpans(spans, { columns, paint }));
}

function chooseLayout(
  report: RolloutReport,
  { hosts, columns }: { readonly hosts: readonly HostReport[]; readonly columns: number },
): readonly FilledColumn[] {
  let layout: readonly FilledColumn[] = [];
  for (const candidate of layoutsOf(report)) {
    layout = candidate
      .map((column) => fillColumn(column, hosts))
      .filter(({ cells }) => cells.some((cell) => cell !== ""));
    if (layout.reduce((width, column) => width + column.width + GAP.length, -GAP.length) <= columns) break;
  }
  return layout;
}

function fillColumn(column: Column, hosts: readonly HostReport[]): FilledColumn {
  const cells = hosts.map(column.cell);
  return { ...column, cells, width: Math.max(column.head.length, ...cells.map(widthOf)) };
}

/** The columns to choose from, the fullest layout first. */
function layoutsOf({ goal }: RolloutReport): readonly (readonly Column[])[] {
  const name: Column = { head: "HOST", pad: padEnd, cell: (host) => host.host };
  const outcome: Column = {
    head: "OUTCOME",
    pad: padEnd,
    cell: (host) => outcomeWord(host.outcome, goal),
    style: (host) => OUTCOME_STYLES[host.outcome],
  };
  const systems = SYSTEM_DETAILS.map((detail): Column => ({
    head: "SYSTEM",
    pad: padEnd,
    cell: (host) => describeChange(host, { detail, touchesHost: needsHost(goal) }),
  }));
  const generation: Column = { head: "GENERATION", pad: padStart, cell: (host) => String(host.generation ?? "") };
  const copied: Column = {
    head: "COPIED",
    pad: padStart,
    cell: (host) => (host.copiedBytes > 0 ? formatBytes(host.copiedBytes) : ""),
  };
  const time: Column = { head: "TIME", pad: padStart, cell: (host) => formatDuration(host.durationMs) };
  const shortest = systems.slice(-1);
  return [
    ...systems.map((system) => [name, outcome, system, generation, copied, time]),
    [name, outcome, ...shortest, generation, time],
    [name, outcome, ...shortest, time],
    [name, outcome, time],
  ];
}
