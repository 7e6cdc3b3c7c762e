import type { Step } from "#rollout";
import { interruptionLines } from "../run/interruption.ts";
import type { RunState } from "../run/run-state.ts";
import { standing } from "../run/standing.ts";
import { formatElapsed } from "../text/elapsed.ts";
import type { Paint } from "../text/paint.ts";
import { plainLine } from "../text/plain-text.ts";
import type { Span } from "../text/spans.ts";
import { renderSpans, wordSpans, wrapSpans } from "../text/spans.ts";
import { cut, padEnd, padStart, widthOf } from "../text/width.ts";
import { fitRows } from "./fit-rows.ts";
import type { FrameRow } from "./frame-row.ts";
import { frameRow } from "./frame-row.ts";

export interface FrameOptions {
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
  readonly paint: Paint;
  /** Whether the hosts under way show the last lines they printed. */
  readonly verbose: boolean;
}

const MOST_LOG_LINES = 5;
const MOST_NOTICES = 2;
const MOST_RUN_LOG_LINES = 3;
const FEWEST_COLUMNS_FOR_BAR = 100;
const FEWEST_ROWS_FOR_AIR = 8;

/**
 * The screen as it is to look now, at most `rows` lines of at most `columns` columns: a line per host in hive order,
 * then what concerns the run, and how it stands.
 */
export function renderFrame(state: RunState, options: FrameOptions): string[] {
  const { columns, rows, now, paint, verbose } = options;
  const bar = columns >= FEWEST_COLUMNS_FOR_BAR;
  const foot = footLines(state, options).slice(-rows);
  const height = rows - foot.length;
  const all = Array.from(state.hosts.values(), (host) => frameRow(host, { state, now, bar }));
  const fitted = fitRows(all, Math.max(0, height));
  const logLines = verbose ? logLinesPerRow(fitted, height) : 0;
  const widths = widthsOf(fitted, columns);
  const body = fitted.flatMap((row) => [rowSpans(row, widths), ...lastOf(row.log, logLines).map(logSpans)]);
  return [...body, ...foot].map((spans) => renderSpans(spans, { columns, paint }));
}

/** What concerns the whole run is never cut but takes more lines: after Ctrl-C it says what a second one does. */
function footLines(state: RunState, { columns, rows, now, verbose }: FrameOptions): Span[][] {
  const notices = state.notices.filter(({ host }) => host === undefined).slice(-MOST_NOTICES);
  const log = verbose && isAtStep(state, state.log?.step) ? (state.log?.lines ?? []) : [];
  const texts = [...notices.map(({ message }) => `notice: ${plainLine(message)}`), ...interruptionLines(state, 3)];
  return [
    ...lastOf(log, Math.min(MOST_RUN_LOG_LINES, rows - FEWEST_ROWS_FOR_AIR)).map(logSpans),
    ...(rows > FEWEST_ROWS_FOR_AIR ? [[]] : []),
    ...texts.flatMap((text) => wrapSpans(wordSpans(text, "yellow"), columns)),
    ...wrapSpans(standing(state, now), columns),
  ];
}

function isAtStep(state: RunState, step: Step | undefined): boolean {
  return step !== undefined && Array.from(state.hosts.values()).some(({ current }) => current?.step === step);
}

function logSpans(line: string): Span[] {
  return [{ text: `    | ${line}`, style: "dim" }];
}

/** The room that is left, shared by the rows that have lines to show. */
function logLinesPerRow(rows: readonly FrameRow[], height: number): number {
  const withLog = rows.filter(({ log }) => log.length > 0).length;
  return withLog === 0 ? 0 : Math.min(MOST_LOG_LINES, Math.floor((height - rows.length) / withLog));
}

interface Widths {
  readonly name: number;
  readonly step: number;
  readonly time: number;
}

function widthsOf(rows: readonly FrameRow[], columns: number): Widths {
  const widest = (text: (row: FrameRow) => string): number => Math.max(0, ...rows.map((row) => widthOf(text(row))));
  return {
    name: Math.min(
      widest((row) => row.name),
      Math.floor(columns / 3),
    ),
    step: widest((row) => row.step),
    time: widest(timeText),
  };
}

function rowSpans(row: FrameRow, widths: Widths): Span[] {
  const quiet = row.kind === "waiting" || row.style === "dim";
  return [
    { text: `${row.mark} `, style: row.style },
    { text: `${padEnd(cut(row.name, widths.name), widths.name)}  `, style: quiet ? "dim" : undefined },
    { text: `${padEnd(row.step, widths.step)}  `, style: row.style },
    { text: `${padStart(timeText(row), widths.time)}  `, style: "dim" },
    { text: row.detail },
  ];
}

function timeText({ timeMs }: FrameRow): string {
  return timeMs === undefined ? "" : formatElapsed(timeMs);
}

function lastOf(lines: readonly string[], count: number): readonly string[] {
  return count <= 0 ? [] : lines.slice(-count);
}
