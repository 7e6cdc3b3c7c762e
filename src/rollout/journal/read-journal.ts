import { readFile } from "node:fs/promises";
import type { SkepErrorJson } from "#core";
import { messageOf } from "#core";
import type { HostName } from "#hive";
import type { HostBefore, RolloutEvent } from "../events.ts";
import type { HostReport, RolloutReport } from "../rollout-report.ts";
import type { Step } from "../steps.ts";
import { JournalError } from "./errors.ts";
import type { JournalHeader, JournalHost } from "./journal-header.ts";
import type { Resumption } from "./journal-line.ts";
import { parseEntry, parseHeader } from "./journal-line.ts";
import { listJournals } from "./list-journals.ts";
import { isRunning } from "./running-process.ts";

/** What a journal tells of its run. */
export interface JournalRead {
  readonly file: string;
  readonly header: JournalHeader;
  /** As they happened, those after resumptions behind those before. */
  readonly events: readonly RolloutEvent[];
  readonly resumptions: readonly Resumption[];
  /**
   * - `ended`: it came to its end
   * - `interrupted`: the operator stopped it before
   * - `running`: a process on this machine carries it out
   * - `broken-off`: it did not end, and is not seen to be running
   */
  readonly state: "ended" | "interrupted" | "running" | "broken-off";
  /** How it ended, where it did. */
  readonly report: RolloutReport | undefined;
  /** In the order of the header. */
  readonly hosts: readonly HostStanding[];
}

/** How far a host is known to have come. */
export interface HostStanding extends JournalHost {
  /** The step it was at last. */
  readonly step: Step | undefined;
  /** Whether it was logged in to, so that something of the run may be at work on it. */
  readonly begun: boolean;
  /** How it ended, where it did. */
  readonly report: HostReport | undefined;
  /** How it was before its agents were started, by the names of their runs. */
  readonly before: ReadonlyMap<string, HostBefore>;
  /** What failed on it last. */
  readonly failure: SkepErrorJson | undefined;
  /** When it was asked to reboot, in milliseconds since 1970, where that was the last it was asked for. */
  readonly rebootingSince: number | undefined;
  /** Whether it soaked for as long as it was to, before a reboot. */
  readonly soaked: boolean;
}

/** Reads a journal, however far it was written. @throws JournalError `rollout/journal`. */
export async function readJournal(file: string): Promise<JournalRead> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new JournalError("rollout/journal", `cannot read the journal ${file}: ${messageOf(error)}`, { cause: error });
  }
  return parseJournal(text, file);
}

/** The journals of all runs in a folder, the newest first. Those that cannot be read are left out. */
export async function listRuns(directory: string): Promise<readonly JournalRead[]> {
  const runs: JournalRead[] = [];
  for (const { file } of await listJournals(directory)) {
    try {
      runs.push(await readJournal(file));
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
    }
  }
  // Names tell runs of one second apart, and not which was first.
  return runs.sort((one, other) => other.header.startedAt - one.header.startedAt);
}

/** @throws JournalError `rollout/journal` when it has no whole header. */
export function parseJournal(text: string, file: string): JournalRead {
  // What follows the last line feed was cut off.
  const [first = "", ...lines] = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  const header = parseHeader(first);
  if (header === undefined) {
    throw new JournalError("rollout/journal", `${file} does not begin as a journal of this version of skep does`, {
      hint: "another version may have written it; skep deploy brings the hosts where the hive wants them",
    });
  }
  const entries = lines.flatMap((line) => parseEntry(line) ?? []);
  const events = entries.filter((entry) => entry.type !== "resumed");
  const resumptions = entries.filter((entry) => entry.type === "resumed");
  const last = entries.findLast(({ type }) => type === "run-finished" || type === "resumed");
  const report = last?.type === "run-finished" ? last.report : undefined;
  return {
    file,
    header,
    events,
    resumptions,
    state: stateOf(report, resumptions.at(-1)?.process ?? header.process),
    report,
    hosts: standingsOf(header, events),
  };
}

function stateOf(report: RolloutReport | undefined, by: JournalHeader["process"]): JournalRead["state"] {
  if (report !== undefined) return report.interrupted ? "interrupted" : "ended";
  return isRunning(by) ? "running" : "broken-off";
}

function standingsOf({ hosts }: JournalHeader, events: readonly RolloutEvent[]): readonly HostStanding[] {
  const tales = new Map<HostName, Tale>(hosts.map(({ name }) => [name, { begun: false, before: new Map() }]));
  for (const event of events) {
    const tale = "host" in event && event.host !== undefined ? tales.get(event.host) : undefined;
    if (tale !== undefined) goOn(tale, event);
  }
  return hosts.map((host) => {
    const { step, begun, report, before, failure, soaked, since } = tales.get(host.name) ?? NOTHING_TOLD;
    const rebootingSince = step === "reboot" ? since : undefined;
    return { ...host, step, begun, report, before, failure, rebootingSince, soaked: soaked === true };
  });
}

/** A host's part of a journal, as far as it was read. */
interface Tale {
  step?: Step;
  /** When the step began. */
  since?: number;
  begun: boolean;
  report?: HostReport | undefined;
  readonly before: Map<string, HostBefore>;
  failure?: SkepErrorJson;
  soaked?: boolean;
}

const NOTHING_TOLD: Tale = { begun: false, before: new Map() };

function goOn(tale: Tale, event: RolloutEvent): void {
  switch (event.type) {
    case "step-started":
      tale.step = event.step;
      tale.since = event.at;
      if (event.step === "connect") tale.begun = true;
      tale.report = undefined;
      break;
    case "step-finished":
      if (event.step === "check") tale.soaked = true;
      break;
    case "step-failed":
      tale.failure = event.error;
      break;
    case "baseline":
      tale.before.set(event.run, event.before);
      tale.soaked = false;
      break;
    case "host-finished":
      tale.report = event.report;
      break;
    default:
  }
}
