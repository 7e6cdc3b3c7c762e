import pLimit from "p-limit";
import type { Clock } from "#core";
import { systemClock } from "#core";
import type { HostName } from "#hive";
import type { NarSource } from "#store";
import { sharedNarSource } from "#store";
import type { AskGateOptions } from "./waves/ask-gate.ts";
import { askGate } from "./waves/ask-gate.ts";
import { createAvailability } from "./waves/availability.ts";
import type { DeployContext, Limit } from "./host/deploy-context.ts";
import { deployHost } from "./host/deploy-host.ts";
import type { RolloutEvent } from "./events.ts";
import type { Emit, Ending } from "./host/host-log.ts";
import { HostLog } from "./host/host-log.ts";
import type { HostPorts } from "./host/host-ports.ts";
import { realPorts } from "./host/host-ports.ts";
import { endedBadly, judgeWave } from "./waves/judge.ts";
import type { SshOptions } from "./host/log-in.ts";
import { revertHosts } from "./waves/revert-hosts.ts";
import type { PlannedHost, PlannedWave, RolloutPlan } from "./rollout-plan.ts";
import type { HostReport, RolloutReport } from "./rollout-report.ts";
import { isAsWanted } from "./rollout-report.ts";

export interface RunRolloutOptions {
  readonly emit: Emit;
  readonly ssh: SshOptions;
  /** Aborts when no new host is to be begun; those under way finish or go back. */
  readonly stop: AbortSignal;
  /** Aborts when hosts under way are to be left to their agents. */
  readonly leave: AbortSignal;
  readonly narSource?: NarSource | undefined;
  readonly clock?: Clock | undefined;
  /** Asks a person before a wave; undefined where there is none. */
  readonly confirm?: AskGateOptions["confirm"];
  /** What happened so far, for gates. */
  readonly events?: readonly RolloutEvent[] | undefined;
  readonly ports?: HostPorts | undefined;
  /** See {@link DeployContext}. */
  readonly changes?: DeployContext["changes"];
  /** See {@link DeployContext}. */
  readonly decided?: DeployContext["decided"];
  /** How hosts ended that did before a run was resumed: they count as what they are, and nothing is done on them. */
  readonly earlier?: ReadonlyMap<HostName, HostReport> | undefined;
}

/**
 * Carries a plan out, wave by wave, as many hosts at once as its limits and bounds allow. A wave over its budget ends the
 * run, and takes hosts back where the plan says so. What fails on a host is in the report, never thrown.
 */
export async function runRollout(plan: RolloutPlan, options: RunRolloutOptions): Promise<RolloutReport> {
  const { emit, stop, leave, clock = systemClock } = options;
  const { run } = plan;
  const course = beginCourse(plan, options);
  let over: { readonly wave: PlannedWave; readonly reason: string } | undefined;
  for (const [index, wave] of plan.waves.entries()) {
    let skip = over?.reason;
    // A wave that was begun before the run was resumed has passed its gate.
    const isBegun = wave.hosts.some(({ host }) => course.ended.has(host.name));
    if (skip === undefined && !stop.aborted && !isBegun) skip = await passGate(wave, { run: run.id, options });
    const verdict = await runWave(wave, { course, skip });
    if (over !== undefined || verdict === undefined) continue;
    over = { wave, reason: verdict };
    const isOver = wave.hosts.some(({ host }) => course.ended.get(host.name)?.outcome !== "skipped");
    if (isOver && plan.onFailure !== "stop" && !stop.aborted) {
      const waves = plan.onFailure === "revert-run" ? plan.waves.slice(0, index + 1) : [wave];
      const notice = `${plan.onFailure === "revert-run" ? "this run" : `wave ${wave.name}`} goes back: ${verdict}`;
      emit({ type: "notice", message: notice });
      await revertHosts(waves.flatMap(({ hosts }) => hosts).reverse(), { course, because: verdict });
    }
  }
  await options.changes?.settled();
  const report: RolloutReport = {
    run: run.id,
    goal: run.goal,
    rollback: run.rollback,
    startedAt: run.startedAt,
    durationMs: clock.now() - run.startedAt,
    hosts: plan.waves.flatMap(({ hosts }) => hosts.flatMap(({ host }) => course.ended.get(host.name) ?? [])),
    interrupted: stop.aborted || leave.aborted,
  };
  emit({ type: "run-finished", report });
  return report;
}

/** What the waves of one run share as it goes. */
export interface Course {
  readonly plan: RolloutPlan;
  readonly context: DeployContext;
  readonly hostLimit: Limit;
  /** How each host ended that did, in the order they ended. */
  readonly ended: Map<HostName, HostReport>;
  /** Those of them that ended badly. */
  readonly badOfRun: HostReport[];
}

function beginCourse(plan: RolloutPlan, options: RunRolloutOptions): Course {
  const { emit, ssh, stop, leave, narSource = sharedNarSource(), clock = systemClock, ports = realPorts } = options;
  const { run, limits } = plan;
  const ended = new Map(options.earlier);
  const lost = [...ended.values()].filter(({ outcome }) => outcome === "stranded").map(({ host }) => host);
  const context: DeployContext = {
    run,
    ssh,
    narSource,
    copyLimit: pLimit(limits.copy),
    activateLimit: pLimit(limits.activate),
    availability: createAvailability(plan.availability, { lost }),
    emit,
    clock,
    stop,
    leave,
    ports,
    changes: options.changes,
    decided: options.decided,
  };
  const badOfRun = [...ended.values()].filter(endedBadly);
  return { plan, context, hostLimit: pLimit(limits.parallel), ended, badOfRun };
}

/** @returns why the wave must not begin. */
async function passGate(
  { name, hosts, gate }: PlannedWave,
  { run, options }: { readonly run: string; readonly options: RunRolloutOptions },
): Promise<string | undefined> {
  if (gate === undefined) return undefined;
  const { events = [], confirm, stop, clock } = options;
  const names = hosts.map(({ host }) => host.name);
  try {
    const refusal = await askGate(gate, { run, wave: name, hosts: names, events, confirm, clock, signal: stop });
    return refusal === undefined ? undefined : `wave ${name} was not begun: ${refusal}`;
  } catch (error) {
    if (stop.aborted) return undefined;
    throw error;
  }
}

/** @returns why no later wave is to begin. */
async function runWave(
  wave: PlannedWave,
  { course, skip }: { readonly course: Course; readonly skip: string | undefined },
): Promise<string | undefined> {
  const { plan, context, hostLimit, ended, badOfRun } = course;
  const { stop } = context;
  const badOfWave = wave.hosts.flatMap(({ host }) => ended.get(host.name) ?? []).filter(endedBadly);
  const rest = wave.hosts.filter(({ host }) => !ended.has(host.name));
  const budgets = { wave: wave.maxFailures, run: plan.maxFailures };
  const judge = (): string | undefined => judgeWave(wave.name, { badOfWave, badOfRun, budgets });
  const underWay = new Map<HostName, Promise<HostReport>>();
  const isOneOfMany = plan.waves.length > 1;
  if (isOneOfMany && skip === undefined) {
    const number = plan.waves.indexOf(wave) + 1;
    const hosts = wave.hosts.map(({ host }) => host.name);
    context.emit({ type: "wave-started", wave: wave.name, number, of: plan.waves.length, hosts });
  }
  const begin = async (planned: PlannedHost): Promise<HostReport> => {
    const held = await waitForThose(plan.after.get(planned.host.name) ?? [], { ended, underWay });
    // The next host is begun as soon as this one gives its place back: by then it must be known how this one ended.
    return hostLimit(async () => {
      const reason = stop.aborted ? STOPPED_BY_OPERATOR : (skip ?? held ?? judge());
      const report = await carryOut(planned, { context, skip: reason, soakMs: wave.soakMs });
      ended.set(report.host, report);
      if (endedBadly(report)) {
        badOfWave.push(report);
        badOfRun.push(report);
      }
      return report;
    });
  };
  for (const planned of inOrder(rest, plan)) underWay.set(planned.host.name, begin(planned));
  await Promise.all(underWay.values());
  const verdict = skip ?? judge() ?? (stop.aborted ? STOPPED_BY_OPERATOR : undefined);
  if (isOneOfMany && skip === undefined) context.emit({ type: "wave-finished", wave: wave.name, stopped: verdict });
  if (verdict === undefined && rest.length > 0 && wave.pauseMs > 0 && wave !== plan.waves.at(-1)) {
    await context.clock.sleep(wave.pauseMs, { signal: stop }).catch(() => undefined);
  }
  return verdict;
}

const STOPPED_BY_OPERATOR = "the run was stopped before its turn came";

/** Those that others wait for come first, so that each finds under way what it waits for. */
function inOrder(hosts: readonly PlannedHost[], { after }: RolloutPlan): readonly PlannedHost[] {
  const byName = new Map(hosts.map((planned) => [planned.host.name, planned]));
  const placed = new Set<PlannedHost>();
  const place = (planned: PlannedHost, behind: ReadonlySet<HostName>): void => {
    const { name } = planned.host;
    if (placed.has(planned) || behind.has(name)) return;
    for (const other of after.get(name) ?? []) {
      const found = byName.get(other);
      if (found !== undefined) place(found, new Set([...behind, name]));
    }
    placed.add(planned);
  };
  for (const planned of hosts) place(planned, new Set());
  return [...placed];
}

/** @returns why a host that was to follow others must not begin. */
async function waitForThose(
  names: readonly HostName[],
  {
    ended,
    underWay,
  }: {
    readonly ended: ReadonlyMap<HostName, HostReport>;
    readonly underWay: ReadonlyMap<HostName, Promise<HostReport>>;
  },
): Promise<string | undefined> {
  for (const name of names) {
    const report = ended.get(name) ?? (await underWay.get(name));
    if (report === undefined || isAsWanted(report)) continue;
    return `${name}, which goes before it, ended ${report.outcome}`;
  }
  return undefined;
}

async function carryOut(
  planned: PlannedHost,
  {
    context,
    skip,
    soakMs,
  }: { readonly context: DeployContext; readonly skip: string | undefined; readonly soakMs: number },
): Promise<HostReport> {
  if ("error" in planned && planned.error.code !== "rollout/interrupted")
    return end(planned, { outcome: "failed", error: planned.error }, context);
  if ("error" in planned || skip !== undefined) {
    return end(planned, { outcome: "skipped", reason: skip ?? STOPPED_BY_OPERATOR }, context);
  }
  if (context.run.goal === "build") return end(planned, { outcome: "deployed" }, context);
  return deployHost(planned, { context, soakMs });
}

/** A host that nothing is done on. */
function end(planned: PlannedHost, ending: Ending, context: DeployContext): HostReport {
  const log = new HostLog(planned.host.name, context);
  if ("closure" in planned) log.to = planned.closure.toplevel;
  return log.finish(ending);
}
