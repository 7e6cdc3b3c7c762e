import { dirname } from "node:path";
import type { SkepErrorJson } from "#core";
import { formatDuration, jsonText, localTime } from "#core";
import type { HostStanding, JournalRead, Step } from "#rollout";
import { listRuns, OUTCOMES, runsFolder } from "#rollout";
import { findHive } from "../hive/find-hive.ts";
import { forPeople } from "../terminal/for-people.ts";
import { table } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { findRun } from "./find-run.ts";

export interface RunsArguments {
  readonly run?: string | undefined;
  readonly hive?: string | undefined;
  readonly json: boolean;
}

/** Shows the runs of a hive, or one of them. The hive itself is not read. */
export async function runs({ run, hive, json }: RunsArguments, terminal: Terminal): Promise<number> {
  const { env, cwd } = terminal;
  const stdout = json ? terminal.stdout : forPeople(terminal.stdout, terminal);
  const directory = dirname(await findHive({ file: hive, cwd, env }));
  const all = await listRuns(runsFolder({ directory }));
  if (run !== undefined) {
    const found = findRun(run, all);
    stdout.write(
      json ? toJson({ ...describeRun(found), hosts: found.hosts.map(hostDescriber(found)) }) : showRun(found),
    );
  } else {
    stdout.write(json ? toJson(all.map(describeRun)) : all.length === 0 ? "no runs yet\n" : table(all.map(rowOf)));
  }
  return 0;
}

function toJson(value: unknown): string {
  return `${jsonText(value, 2)}\n`;
}

function describeRun({ header, state, report, hosts, resumptions }: JournalRead): object {
  const { run, goal, rollback, hive, operator, revision, startedAt } = header;
  return {
    ...{ run, state, goal, rollback, hive, operator, revision: revision.revision, dirty: revision.dirty },
    startedAt: instant(startedAt),
    durationMs: report?.durationMs,
    resumed: resumptions.map(({ at, operator: by }) => ({ at: instant(at), operator: by })),
    outcomes: Object.fromEntries(countOutcomes(hosts)),
  };
}

function hostDescriber(journal: JournalRead): (host: HostStanding) => object {
  return ({ name, wave, toplevel, step, report }) => ({
    ...{ host: name, wave, toplevel, outcome: report?.outcome ?? "not-ended", lastStep: step },
    steps: stepsOf(journal, name),
    report,
  });
}

function rowOf({ header, state, hosts }: JournalRead): readonly string[] {
  const { run, startedAt, operator } = header;
  const goal = goalOf(header);
  const counts = [...countOutcomes(hosts)].map(([outcome, count]) => `${count} ${outcome.replace("-", " ")}`);
  return [run, localTime(startedAt), operator, goal, state, counts.join(", ")].map(plain);
}

/** What the run was for, in a word. */
function goalOf({ goal, rollback }: JournalRead["header"]): string {
  return rollback === true ? "rollback" : goal;
}

/** How many hosts ended how, the best first; those that did not end last. */
export function countOutcomes(hosts: readonly HostStanding[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const outcome of [...OUTCOMES, undefined]) {
    const count = hosts.filter(({ report }) => report?.outcome === outcome).length;
    if (count > 0) counts.set(outcome ?? "not-ended", count);
  }
  return counts;
}

function showRun(journal: JournalRead): string {
  const { header, report, resumptions, hosts } = journal;
  const { run, hive, operator, startedAt, revision } = header;
  const goal = goalOf(header);
  const of =
    revision.revision === null ? "" : ` at ${revision.revision.slice(0, 12)}${revision.dirty ? ", changed" : ""}`;
  const count = hosts.length === 1 ? "1 host" : `${hosts.length} hosts`;
  return [
    `${run}  ${goal} of ${count} of ${hive}${of}`,
    `  begun ${localTime(startedAt)} by ${operator}`,
    ...resumptions.map(({ at, operator: by }) => `  resumed ${localTime(at)} by ${by}`),
    `  ${ENDINGS[journal.state]}${report === undefined ? "" : ` after ${formatDuration(report.durationMs)}`}`,
    ...hosts.flatMap((host) => ["", ...showHost(host, journal)]),
    "",
  ].join("\n");
}

const ENDINGS: Readonly<Record<JournalRead["state"], string>> = {
  ended: "ended",
  interrupted: "interrupted by the operator; skep resume goes on with it",
  running: "goes on at this moment",
  "broken-off": "broken off; skep resume goes on with it",
};

function showHost({ name, step, report }: HostStanding, journal: JournalRead): string[] {
  const outcome =
    report?.outcome.replace("-", " ") ?? `not ended${step === undefined ? "" : `, ${step} was the last step`}`;
  const steps = stepsOf(journal, name);
  const took = report === undefined ? "" : ` in ${formatDuration(report.durationMs)}`;
  const width = Math.max(0, ...steps.map((one) => one.step.length));
  return [
    `${name}  ${outcome}${took}`,
    ...steps.map((one) => {
      const length = one.durationMs === undefined ? "not ended" : formatDuration(one.durationMs);
      return `  ${one.step.padEnd(width)}  ${length}${one.error === undefined ? "" : `  ${tellError(one.error)}`}`;
    }),
    ...(report?.outcome === "skipped" ? [`  ${plain(report.reason)}`] : []),
    ...(report !== undefined && "error" in report ? [`  error: ${tellError(report.error)}`] : []),
    ...(report !== undefined && "error" in report && report.error.hint !== undefined
      ? [`  hint: ${plain(report.error.hint)}`]
      : []),
    ...(report?.notices ?? []).map((notice) => `  notice: ${plain(notice)}`),
  ];
}

function tellError({ message, code }: SkepErrorJson): string {
  return `${plain(message)} [${code}]`;
}

interface ShownStep {
  readonly step: Step;
  /** Undefined: it did not end. */
  readonly durationMs?: number | undefined;
  readonly error?: SkepErrorJson | undefined;
}

/** What was done on a host, in the order it happened. */
function stepsOf({ events }: JournalRead, host: string): readonly ShownStep[] {
  const steps: ShownStep[] = [];
  for (const event of events) {
    if (event.type === "step-started" && event.host === host) steps.push({ step: event.step });
    if ((event.type !== "step-finished" && event.type !== "step-failed") || event.host !== host) continue;
    const { step, durationMs } = event;
    const at = steps.findLastIndex((one) => one.step === step && one.durationMs === undefined);
    const error = event.type === "step-failed" ? event.error : undefined;
    steps.splice(at === -1 ? steps.length : at, 1, { step, durationMs, error });
  }
  return steps;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

/** What hosts said, without what a terminal would take for commands. */
function plain(text: string): string {
  return text.trimEnd().replaceAll(/\p{Cc}+|\p{Cf}/gu, " ");
}
