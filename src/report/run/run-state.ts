import type { SkepErrorJson } from "#core";
import type { Goal } from "#hive";
import type { CopyProgress, HostReport, KnownChange, RolloutEvent, RolloutReport, Step } from "#rollout";
import { plainLine } from "../text/plain-text.ts";
import { waveText } from "../text/words.ts";

/** What is known of a run so far: the fold of its events that everything for people is made from. */
export interface RunState {
  /** Its name; empty before it is known. */
  run: string;
  goal: Goal;
  /** The hive's name. */
  hive: string;
  rollback: true | undefined;
  /** Whether the run is only planned. */
  planning: true | undefined;
  startedAt: number | undefined;
  /** When the last event came. */
  lastAt: number | undefined;
  /** The steps of each host, in order. */
  steps: readonly Step[];
  /** In hive order. */
  readonly hosts: Map<string, HostState>;
  /** How many waves the run has; 1 where it tells of none. */
  waveCount: number;
  /** Which wave is under way, from 1 up. */
  wave: number | undefined;
  /** Those that were begun, in their order; none of a run of one wave. */
  readonly waves: WaveState[];
  /** All of its waves, also those that were never begun, as far as it told of them. */
  plannedWaves: readonly { readonly name: string; readonly hosts: readonly string[] }[];
  /** `user@machine`: who deploys. */
  operator: string | undefined;
  /** The git commit that is deployed. */
  revision: string | undefined;
  /** Whether that had changes that were not committed. */
  dirty: boolean;
  interruption: "none" | "stopping" | "leaving";
  /** What changes on hosts, by the ids that they are told by. */
  readonly changes: Map<string, KnownChange>;
  /** What was printed for many hosts at once. */
  log: LogTail | undefined;
  /** What the operator should know, said once each. */
  readonly notices: Notice[];
  report: RolloutReport | undefined;
}

export interface HostState {
  readonly name: string;
  /** In a run of several waves its own: `wave 2 of 3, @web`. */
  wave: string | undefined;
  /** What is being done. Undefined before, between and after the steps. */
  current: CurrentStep | undefined;
  /** The step that ended last, as it was then. */
  ended: CurrentStep | undefined;
  /** All that was done, in the order it began. */
  readonly course: PastStep[];
  log: LogTail | undefined;
  /** What it said that activating its system would do; a line `…` stands for what is too much. */
  readonly announced: string[];
  readonly failures: StepFailure[];
  /** The id of what changes on it. */
  change: string | undefined;
  report: HostReport | undefined;
}

/** A step that was begun. Instants are milliseconds since 1970. */
export interface PastStep {
  readonly step: Step;
  readonly startedAt: number;
  /** Undefined: it did not end. */
  endedAt: number | undefined;
  error: SkepErrorJson | undefined;
}

export interface WaveState {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly startedAt: number;
  endedAt: number | undefined;
  /** Why no later wave was begun. */
  stopped: string | undefined;
}

export interface CurrentStep {
  readonly step: Step;
  readonly startedAt: number;
  message: string | undefined;
  /** When what the message says is over, milliseconds since 1970. */
  until: number | undefined;
  copy: CopyProgress | undefined;
  /** How far the copy was in the last seconds, oldest first. */
  readonly samples: CopySample[];
}

export interface CopySample {
  readonly at: number;
  readonly bytes: number;
}

/** Something to know about a host, or about the run. */
export interface Notice {
  readonly host: string | undefined;
  readonly message: string;
  /** Whether it came as an event of its own, not only in a report. */
  readonly announced: boolean;
}

/** The last lines a step printed. */
export interface LogTail {
  readonly step: Step;
  readonly lines: readonly string[];
}

export interface StepFailure {
  readonly error: SkepErrorJson;
  readonly log: readonly string[];
}

const TAIL_LINES = 10;
const MOST_ANNOUNCED = 200;
const SAMPLE_WINDOW_MS = 5_000;

export function createRunState(): RunState {
  return {
    run: "",
    goal: "switch",
    hive: "",
    rollback: undefined,
    planning: undefined,
    startedAt: undefined,
    lastAt: undefined,
    steps: [],
    hosts: new Map(),
    waveCount: 1,
    wave: undefined,
    waves: [],
    plannedWaves: [],
    operator: undefined,
    revision: undefined,
    dirty: false,
    changes: new Map(),
    interruption: "none",
    log: undefined,
    notices: [],
    report: undefined,
  };
}

/** Takes an event into `state`. Any event is taken at any time, in any order. */
export function applyEvent(state: RunState, event: RolloutEvent): void {
  state.startedAt ??= event.at;
  state.lastAt = event.at;
  switch (event.type) {
    case "run-started":
      state.run = event.run;
      state.goal = event.goal;
      state.hive = event.hive;
      state.rollback = event.rollback;
      state.planning = event.planning;
      state.startedAt = event.at;
      state.steps = event.steps;
      state.operator = event.operator;
      state.revision = event.revision;
      state.dirty = event.dirty === true;
      for (const host of event.hosts) hostOf(state, host);
      applyWaves(state, event.waves ?? []);
      break;
    case "step-started":
      beginStep(hostOf(state, event.host), event);
      break;
    case "step-progress":
      applyProgress(hostOf(state, event.host), event);
      break;
    case "step-finished":
      endStep(hostOf(state, event.host), event);
      break;
    case "step-failed": {
      const host = hostOf(state, event.host);
      const log = host.log?.step === event.step ? host.log.lines : [];
      host.failures.push({ error: event.error, log });
      endStep(host, event);
      break;
    }
    case "log":
      if (event.host === undefined) applyLog(state, event);
      else {
        const host = hostOf(state, event.host);
        applyLog(host, event);
        if (event.step === "dry-activate") addAnnounced(host, event.line);
        if (event.step === "secrets" && state.goal === "dry-activate") addAnnounced(host, `secret ${event.line}`);
      }
      break;
    case "notice":
      addNotice(state, { host: event.host, message: event.message, announced: true });
      break;
    case "wave-started":
      state.waveCount = event.of;
      state.wave = event.number;
      state.waves.push({
        ...{ name: event.wave, hosts: event.hosts, startedAt: event.at },
        ...{ endedAt: undefined, stopped: undefined },
      });
      break;
    case "wave-finished":
      endWave(state, event);
      break;
    case "baseline":
      break;
    case "changes":
      hostOf(state, event.host).change = event.id;
      if (event.change !== undefined) state.changes.set(event.id, event.change);
      break;
    case "interrupted":
      state.interruption = event.leave ? "leaving" : "stopping";
      break;
    case "host-finished":
      endHost(state, event.report);
      break;
    case "run-finished":
      state.run = event.report.run;
      state.goal = event.report.goal;
      state.rollback = event.report.rollback;
      // Nothing that comes to an end was only planned.
      state.planning = undefined;
      state.report = event.report;
      for (const report of event.report.hosts) endHost(state, report);
      break;
  }
}

function hostOf(state: RunState, name: string): HostState {
  const known = state.hosts.get(name);
  if (known !== undefined) return known;
  const host: HostState = {
    name,
    wave: undefined,
    current: undefined,
    ended: undefined,
    course: [],
    log: undefined,
    announced: [],
    failures: [],
    change: undefined,
    report: undefined,
  };
  state.hosts.set(name, host);
  return host;
}

function applyWaves(
  state: RunState,
  waves: readonly { readonly name: string; readonly hosts: readonly string[] }[],
): void {
  state.plannedWaves = waves;
  state.waveCount = Math.max(1, waves.length);
  if (waves.length < 2) return;
  waves.forEach(({ name, hosts }, index) => {
    for (const host of hosts) hostOf(state, host).wave = waveText(index + 1, { of: waves.length, name });
  });
}

function startStep(step: Step, at: number): CurrentStep {
  return { step, startedAt: at, message: undefined, until: undefined, copy: undefined, samples: [] };
}

function beginStep(host: HostState, { step, at }: Pick<StepEnd, "step" | "at">): void {
  host.current = startStep(step, at);
  host.course.push({ step, startedAt: at, endedAt: undefined, error: undefined });
}

type StepEnd = Extract<RolloutEvent, { type: "step-finished" | "step-failed" }>;

function endStep(host: HostState, event: StepEnd): void {
  const { step, at, durationMs } = event;
  host.ended = host.current?.step === step ? host.current : startStep(step, at);
  host.current = undefined;
  const error = event.type === "step-failed" ? event.error : undefined;
  const begun = host.course.findLast((past) => past.step === step && past.endedAt === undefined);
  if (begun === undefined) host.course.push({ step, startedAt: at - durationMs, endedAt: at, error });
  else Object.assign(begun, { endedAt: at, error });
}

function endWave(state: RunState, { wave, at, stopped }: Extract<RolloutEvent, { type: "wave-finished" }>): void {
  const begun = state.waves.findLast(({ name, endedAt }) => name === wave && endedAt === undefined);
  if (begun !== undefined) Object.assign(begun, { endedAt: at, stopped });
}

function addAnnounced({ announced }: HostState, line: string): void {
  if (announced.length > MOST_ANNOUNCED) return;
  announced.push(announced.length === MOST_ANNOUNCED ? "…" : plainLine(line));
}

function endHost(state: RunState, report: HostReport): void {
  const host = hostOf(state, report.host);
  host.current = undefined;
  host.report = report;
  for (const message of report.notices) addNotice(state, { host: report.host, message, announced: false });
}

function addNotice(state: RunState, notice: Notice): void {
  const known = state.notices.some(({ host, message }) => host === notice.host && message === notice.message);
  if (!known) state.notices.push(notice);
}

function applyProgress(host: HostState, event: Extract<RolloutEvent, { type: "step-progress" }>): void {
  if (host.current?.step !== event.step) host.current = startStep(event.step, event.at);
  const { current } = host;
  if (event.message !== undefined) {
    current.message = event.message;
    current.until = event.until;
  }
  if (event.copy === undefined) return;
  current.copy = event.copy;
  current.samples.push({ at: event.at, bytes: event.copy.bytes });
  while (current.samples.length > 2 && (current.samples[1]?.at ?? event.at) <= event.at - SAMPLE_WINDOW_MS) {
    current.samples.shift();
  }
}

function applyLog(
  printer: { log: LogTail | undefined },
  { step, line }: { readonly step: Step; readonly line: string },
): void {
  const plain = plainLine(line);
  if (plain === "") return;
  const before = printer.log?.step === step ? printer.log.lines : [];
  printer.log = { step, lines: [...before.slice(1 - TAIL_LINES), plain] };
}
