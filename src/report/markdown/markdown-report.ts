import { formatBytes, formatDuration } from "#core";
import { needsHost } from "#hive";
import type { HostReport, Outcome } from "#rollout";
import { OUTCOMES } from "#rollout";
import type { RunState } from "../run/run-state.ts";
import type { Trouble } from "../run/troubles.ts";
import { troublesByWeight } from "../run/troubles.ts";
import { verdictOf } from "../run/verdict.ts";
import { plainLine, plainLines } from "../text/plain-text.ts";
import { describeChange } from "../text/system-text.ts";
import { cut } from "../text/width.ts";
import { counted, outcomeWord, runWord } from "../text/words.ts";
import { changesBlocks } from "./changes-blocks.ts";
import { markdownTable } from "./markdown-table.ts";
import { codeBlock, codeSpan } from "./markdown-text.ts";

/** Of more hosts than this, those that ended well are only named. */
const MOST_ROWS = 50;
const MOST_TROUBLES = 25;
const MOST_LINES = 30;
const MOST_COLUMNS = 300;

/**
 * A run as GitHub's and GitLab's Markdown: for the summary of a job, a comment, a wiki. At most about half a megabyte,
 * which is half of what GitHub takes, however large the run is.
 */
export function markdownReport(state: RunState): string {
  const reports = reportsOf(state);
  const isMany = reports.length > MOST_ROWS;
  const rows = isMany ? reports.filter((report) => "error" in report).slice(-MOST_ROWS) : reports;
  const blocks = [
    [`## skep ${runWord(state)} of ${codeSpan(state.hive) || "the hive"}: ${verdictOf(state)}`],
    [`Run ${codeSpan(state.run)}${startedText(state)}`],
    ...wavesBlock(state),
    ...(rows.length === 0 ? [] : [hostsTable(rows, state)]),
    ...(isMany ? othersBlocks(reports, { state, shown: new Set(rows) }) : []),
    ...troublesBlocks(state),
    ...changesBlocks(state),
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** The worst first: a summary is read from its top. */
function reportsOf({ hosts }: RunState): readonly HostReport[] {
  const reports = [...hosts.values()].flatMap(({ report }) => report ?? []);
  return [...OUTCOMES].reverse().flatMap((outcome) => reports.filter((report) => report.outcome === outcome));
}

function startedText({ startedAt }: RunState): string {
  return startedAt === undefined ? "" : `, begun ${new Date(startedAt).toISOString()}`;
}

function wavesBlock({ waves }: RunState): readonly (readonly string[])[] {
  if (waves.length === 0) return [];
  const rows = waves.map(({ name, hosts, startedAt, endedAt, stopped }) => [
    codeSpan(name),
    String(hosts.length),
    endedAt === undefined ? "not ended" : formatDuration(endedAt - startedAt),
    stopped === undefined ? "" : codeSpan(short(plainLine(stopped))),
  ]);
  return [markdownTable(["Wave", "Hosts", "Time", "Stopped because"], rows)];
}

function hostsTable(reports: readonly HostReport[], { goal }: RunState): readonly string[] {
  const rows = reports.map((report) => [
    codeSpan(report.host),
    `${EMOJI[report.outcome]} ${outcomeWord(report.outcome, goal)}`,
    codeSpan(describeChange(report, { detail: "short", touchesHost: needsHost(goal) })),
    report.copiedBytes > 0 ? formatBytes(report.copiedBytes) : "",
    report.outcome === "skipped" ? "" : formatDuration(report.durationMs),
    "reason" in report
      ? codeSpan(short(plainLine(report.reason)))
      : "error" in report
        ? codeSpan(report.error.code)
        : "",
  ]);
  return markdownTable(["Host", "Outcome", "System", "Copied", "Time", "Why"], rows);
}

const EMOJI = {
  unchanged: "⚪",
  deployed: "🟢",
  skipped: "🟡",
  failed: "🔴",
  "rolled-back": "🟠",
  stranded: "🆘",
} as const satisfies Record<Outcome, string>;

function othersBlocks(
  reports: readonly HostReport[],
  { state, shown }: { readonly state: RunState; readonly shown: ReadonlySet<HostReport> },
): readonly (readonly string[])[] {
  return [...OUTCOMES].reverse().flatMap((outcome) => {
    const others = reports.filter((report) => report.outcome === outcome && !shown.has(report));
    if (others.length === 0) return [];
    const title = `${EMOJI[outcome]} ${counted(others.length, "host")} ${shown.size > 0 ? "more " : ""}${outcomeWord(outcome, state.goal)}`;
    const names = codeSpan(others.map(({ host }) => host).join(", "));
    return [[`<details><summary>${title}</summary>`, "", names, "", "</details>"]];
  });
}

function troublesBlocks(state: RunState): readonly (readonly string[])[] {
  const troubles = troublesByWeight(state);
  const left = troubles.length - MOST_TROUBLES;
  return [
    ...troubles.slice(0, MOST_TROUBLES).map(troubleLines),
    ...(left > 0 ? [[`And ${counted(left, "error")} more, which the log and \`skep report\` have.`]] : []),
  ];
}

function troubleLines({ hosts, error, log }: Trouble): readonly string[] {
  const cause = error.cause === undefined || error.message.includes(error.cause) ? [] : plainLines(error.cause);
  const names = codeSpan(hosts.slice(0, MOST_ROWS).join(", "));
  const more = hosts.length > MOST_ROWS ? ` and ${hosts.length - MOST_ROWS} more` : "";
  return [
    `### ${names}${more}: ${codeSpan(error.code)}`,
    "",
    ...codeBlock([...plainLines(error.message), ...cause, ...log].slice(0, MOST_LINES).map(short)),
    ...(error.hint === undefined ? [] : ["", `Hint: ${codeSpan(short(plainLine(error.hint)))}`]),
  ];
}

function short(line: string): string {
  return cut(line, MOST_COLUMNS);
}
