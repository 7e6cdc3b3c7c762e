import type { HostState } from "#activation";
import { readHostState } from "#activation";
import { jsonText, localTime } from "#core";
import type { HostName } from "#hive";
import { plainLine } from "#report";
import type { HistoryEntry, RunHistory, Visit } from "#rollout";
import { describeSystem, fleetHistory, historyOf, listRuns, runsFolder, visitHosts } from "#rollout";
import { CliError } from "../errors.ts";
import { loadSelection } from "../options/hive-options.ts";
import { refuseOddParallel } from "../options/parallel.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { countOutcomes } from "../runs/runs.ts";
import { printHostError } from "../secrets/print-host-error.ts";
import { forPeople } from "../terminal/for-people.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import { table } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { HistoryArguments } from "./history-command.ts";
import { shortRevision } from "./revision.ts";
import { revisionJson } from "./status-json.ts";

/** Shows the runs of the fleet, or with `--on` what its hosts had. Exit code 5 when some host could not be asked. */
export async function history(args: HistoryArguments, terminal: Terminal): Promise<number> {
  const hint = "see skep history --help";
  refuseOddParallel(args.parallel, { hint });
  if (!Number.isInteger(args.limit) || args.limit < 1) {
    throw new CliError("cli/usage", "--limit takes a whole number from 1 up", { hint });
  }
  const { hive, hosts } = await loadSelection(args, terminal);
  using interrupts = listenForInterrupts(() => undefined);
  const { stop: signal } = interrupts;
  const visits = await visitHosts(hosts, {
    ssh: readSshOptions(args),
    parallel: args.parallel ?? hive.limits.parallel,
    signal,
    visit: (access) => readHostState(access, { signal }),
  });
  if (signal.aborted) return 130;
  if (args.on === undefined) {
    const runs = fleetHistory(await listRuns(runsFolder(hive)), statesOf(visits)).slice(0, args.limit);
    if (args.json) terminal.stdout.write(jsonLines(runs.map(runJson)));
    else forPeople(terminal.stdout, terminal).write(runsText(runs));
  } else {
    for (const [index, visit] of visits.entries()) showHost(visit, { index, args, terminal });
  }
  for (const visit of visits) if ("error" in visit) await printHostError(visit.error, terminal);
  return visits.every((visit) => "result" in visit) ? 0 : 5;
}

function statesOf(visits: readonly Visit<HostState>[]): ReadonlyMap<HostName, HostState> {
  return new Map(visits.flatMap((visit) => ("result" in visit ? [[visit.host.name, visit.result] as const] : [])));
}

function jsonLines(values: readonly object[]): string {
  return values.map((value) => `${jsonText(value)}\n`).join("");
}

const RUN_HEADS = ["RUN", "WHEN", "BY", "WHAT", "REVISION", "HOSTS"] as const;

function runsText(runs: readonly RunHistory[]): string {
  if (runs.length === 0) return "no runs yet\n";
  const rows = runs.map(({ run, at, who, goal, rollback, hive, journal, committed }) => [
    plainLine(run),
    localTime(at),
    plainLine(who),
    rollback ? "rollback" : plainLine(goal),
    shortRevision(hive),
    journal === undefined ? committed.join(", ") : outcomesText(journal),
  ]);
  return table([RUN_HEADS, ...rows]);
}

function outcomesText({ hosts, state }: NonNullable<RunHistory["journal"]>): string {
  const counts = [...countOutcomes(hosts)].map(([outcome, count]) => `${count} ${outcome.replace("-", " ")}`);
  return [counts.join(", "), ...(state === "ended" ? [] : [`(${state})`])].join(" ");
}

function runJson({ run, goal, who, at, hive, rollback, journal, committed }: RunHistory): object {
  return {
    ...{ run, goal, who, at: new Date(at).toISOString(), rollback, ...revisionJson(hive) },
    state: journal?.state ?? null,
    outcomes: journal === undefined ? null : Object.fromEntries(countOutcomes(journal.hosts)),
    committed,
  };
}

const HOST_HEADS = ["GENERATION", "SYSTEM", "WHEN", "BY", "RUN", "WHAT", "REVISION", ""] as const;

function showHost(
  visit: Visit<HostState>,
  { index, args, terminal }: { readonly index: number; readonly args: HistoryArguments; readonly terminal: Terminal },
): void {
  const { stdout } = terminal;
  const host = visit.host.name;
  if ("error" in visit) {
    if (args.json) stdout.write(`${jsonText({ host, error: visit.error })}\n`);
    return;
  }
  const entries = historyOf(visit.result).slice(0, args.limit);
  if (args.json) {
    stdout.write(`${jsonText({ host, entries: entries.map(entryJson) })}\n`);
    return;
  }
  const text = entries.length === 0 ? "nothing of ours yet\n" : table([HOST_HEADS, ...entries.map(entryCells)]);
  forPeople(stdout, terminal).write(`${index === 0 ? "" : "\n"}${host}\n${text.replaceAll(/^(?=.)/gm, "  ")}`);
}

function entryCells({ generation, system, at, record, hive, marks, isThere }: HistoryEntry): readonly string[] {
  return [
    generation === undefined ? "" : String(generation),
    describeSystem(system),
    at === undefined ? "" : localTime(at),
    plainLine(record?.who ?? ""),
    plainLine(record?.run ?? ""),
    whatOf(record),
    hive === undefined ? "" : shortRevision(hive),
    [...marks, ...(isThere ? [] : ["collected"])].join(", "),
  ];
}

function whatOf(record: HistoryEntry["record"]): string {
  if (record === undefined) return "";
  return record.rollback === true ? "rollback" : plainLine(record.goal);
}

function entryJson({ generation, system, at, record, hive, marks, isThere }: HistoryEntry): object {
  return {
    ...{ generation: generation ?? null, system, at: at === undefined ? null : new Date(at).toISOString() },
    ...(record === undefined
      ? { run: null }
      : { run: record.run, goal: record.goal, who: record.who, from: record.from, rollback: record.rollback ?? false }),
    ...(hive === undefined ? {} : revisionJson(hive)),
    ...{ marks, collected: !isThere },
  };
}
