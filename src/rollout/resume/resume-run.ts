import { hostname, userInfo } from "node:os";
import pLimit from "p-limit";
import { probeHost } from "#activation";
import { messageOf, systemClock } from "#core";
import type { Hive, Host, HostName, RolloutPolicy } from "#hive";
import { activates, persistsAfterReboot } from "#hive";
import { sharedNarSource } from "#store";
import { accessTo } from "../host/activation-scene.ts";
import { createAvailability } from "../waves/availability.ts";
import type { DeployContext } from "../host/deploy-context.ts";
import type { RolloutEvent } from "../events.ts";
import type { Emit, Ending } from "../host/host-log.ts";
import { endingOf, HostLog } from "../host/host-log.ts";
import type { HostPorts } from "../host/host-ports.ts";
import { realPorts } from "../host/host-ports.ts";
import type { MakeSystems } from "../prepare/prepare-run.ts";
import { JournalError } from "../journal/errors.ts";
import { thisProcess } from "../journal/running-process.ts";
import { createSecretsMask } from "../mask/mask-secrets.ts";
import { maskSource } from "../mask/mask-source.ts";
import { continueJournal } from "../journal/open-journal.ts";
import type { HostStanding, JournalRead } from "../journal/read-journal.ts";
import { resumeHost } from "./resume-host.ts";
import { revivePolicy, soakOf } from "./resume-policy.ts";
import { rollOutRest } from "./resume-rest.ts";
import { revertHost } from "../waves/revert-hosts.ts";
import type { RollOutOptions } from "../roll-out.ts";
import type { Run } from "../rollout-plan.ts";
import { availabilityOf } from "../rollout-plan.ts";
import type { HostReport, RolloutReport } from "../rollout-report.ts";
import { isAsWanted } from "../rollout-report.ts";
import { stepsFor } from "../steps.ts";

export interface ResumeRunOptions extends Omit<RollOutOptions, "goal" | "hosts" | "policy"> {
  /**
   * - `finish`: what is under way is finished, and what was not begun is deployed
   * - `finish-begun`: what was not begun is skipped
   * - `revert`: what is under way goes back, and so does what was deployed
   */
  readonly wanted: "finish" | "finish-begun" | "revert";
  /** Look at hosts that ended before, too. */
  readonly verify: boolean;
  /** Where it touches the outside; a simulation has its own. */
  readonly outside?: ResumeOutside | undefined;
}

export interface ResumeOutside {
  readonly ports: HostPorts;
  readonly continueJournal: typeof continueJournal;
  readonly make: MakeSystems;
}

/**
 * Takes up a run that was broken off, under its own name, and sees it to an end; or back to where it began. What is done
 * is not done again. What happens is written to the run's journal too.
 * @throws SkepError when nothing can be done for any host; what fails for one host is in the report.
 */
export async function resumeRun(hive: Hive, journal: JournalRead, options: ResumeRunOptions): Promise<RolloutReport> {
  const { onEvent, clock = systemClock, stop, leave } = options;
  const { header } = journal;
  const operator = `${userInfo().username}@${hostname()}`;
  const run: Run = {
    ...{ id: header.run, goal: header.goal, startedAt: clock.now(), operator, revision: header.revision },
    stealLease: options.stealLease ?? false,
    leaseTimeoutMs: options.leaseTimeoutMs,
    reboot: header.reboot,
    rollback: header.rollback,
  };
  const events: RolloutEvent[] = [...journal.events];
  const resumption = { type: "resumed", at: clock.now(), operator, process: thisProcess() } as const;
  const mask = createSecretsMask();
  const secrets = maskSource(options.secrets, mask);
  const onTrouble = (message: string): void => {
    emit({ type: "notice", message });
  };
  const { ports = realPorts, continueJournal: goOn = continueJournal, make } = options.outside ?? {};
  await using writing = await goOn(journal.file, resumption, { onTrouble });
  function emit(happening: Parameters<Emit>[0]): void {
    const event = mask.mask({ at: clock.now(), ...happening });
    writing.append(event);
    if (event.type !== "step-progress" && event.type !== "log") events.push(event);
    onEvent(event);
  }

  const names = journal.hosts.map(({ name }) => name);
  const hosts = new Map(hive.hosts.map((host) => [host.name, host]));
  const haveSecrets = names.some((name) => (hosts.get(name)?.secrets.length ?? 0) > 0);
  const steps = stepsFor(run.goal, { secrets: haveSecrets, systems: run.rollback === undefined });
  const { rollback } = run;
  emit({ type: "run-started", run: run.id, goal: run.goal, hive: hive.name, hosts: names, steps, rollback });
  const limits = { ...hive.limits, ...options.limits };
  const policy = revivePolicy(header.policy, hive.rollout);
  const bounds = availabilityOf(policy, {
    run: hive.hosts.filter(({ name }) => names.includes(name)),
    hive: hive.hosts,
  });
  const context: DeployContext = {
    ...{ run, ssh: options.ssh ?? {}, emit, clock, stop, leave, ports },
    narSource: sharedNarSource(),
    copyLimit: pLimit(limits.copy),
    activateLimit: pLimit(limits.activate),
    availability: createAvailability([]),
  };
  const work: ResumeWork = {
    options: { ...options, secrets },
    context,
    policy,
    hosts,
    hostLimit: pLimit(limits.parallel),
  };
  // At once, wave or no wave: an agent that waits does not wait for long.
  const earlier = new Map<HostName, HostReport>();
  await Promise.all(
    journal.hosts.map(async (standing) => {
      const report = await work.hostLimit(() => settleStanding(standing, work));
      if (report !== undefined) earlier.set(standing.name, report);
    }),
  );
  if (options.wanted === "finish" && earlier.size < names.length && !stop.aborted) {
    const gone = names.flatMap((name) => (hosts.has(name) ? [] : (earlier.get(name) ?? [])));
    const whole = (report: RolloutReport): RolloutReport => ({ ...report, hosts: [...report.hosts, ...gone] });
    const report = await rollOutRest(run, hive, {
      ...{ ssh: context.ssh, stop, leave, clock, events, confirm: options.confirm },
      ...{ earlier, policy, limits, ports, make, secrets },
      emit(happening) {
        emit(happening.type === "run-finished" ? { ...happening, report: whole(happening.report) } : happening);
      },
      hosts: hive.hosts.filter(({ name }) => names.includes(name)),
      returns: new Map(journal.hosts.flatMap(({ name, back }) => (back ? [[name, { back }]] : []))),
      toplevels: new Map(journal.hosts.flatMap(({ name, toplevel }) => (toplevel ? [[name, toplevel]] : []))),
    });
    return mask.mask(whole(report));
  }
  for (const name of names) if (!earlier.has(name)) earlier.set(name, skip(name, work));
  if (options.wanted === "revert") {
    const lost = [...earlier.values()].filter(({ outcome }) => outcome === "stranded").map(({ host }) => host);
    const availability = createAvailability(bounds, { lost });
    await revertAll(earlier, { ...work, context: { ...context, availability } });
  }
  const report: RolloutReport = {
    ...{ run: run.id, goal: run.goal, rollback, startedAt: run.startedAt, durationMs: clock.now() - run.startedAt },
    hosts: names.flatMap((name) => earlier.get(name) ?? []),
    interrupted: stop.aborted || leave.aborted,
  };
  emit({ type: "run-finished", report });
  return report;
}

interface ResumeWork {
  readonly options: ResumeRunOptions;
  readonly context: DeployContext;
  readonly policy: RolloutPolicy;
  readonly hosts: ReadonlyMap<HostName, Host>;
  readonly hostLimit: <T>(work: () => Promise<T>) => Promise<T>;
}

/** @returns how a host ended; undefined when it was not begun. */
async function settleStanding(
  standing: HostStanding,
  { options, context, policy, hosts }: ResumeWork,
): Promise<HostReport | undefined> {
  const { name, report } = standing;
  const host = hosts.get(name);
  if (hasEnded(report)) {
    if (options.verify && host !== undefined) return verify(host, { report, context });
    context.emit({ type: "host-finished", host: name, report });
    return report;
  }
  if (host === undefined) return endGone(standing, context);
  const { goal } = context.run;
  const hasAgent = activates(goal) || persistsAfterReboot(goal) || goal === "secrets";
  if (!standing.begun || !hasAgent) return undefined;
  const wanted = options.wanted === "revert" ? "refuse" : "finish";
  const soakMs = soakOf(policy, standing.wave);
  const mayDeploy = options.wanted === "finish";
  return resumeHost(host, { standing, wanted, mayDeploy, soakMs, secrets: options.secrets, context });
}

/** A host that the hive has no more: nothing tells how to reach it. */
function endGone({ name, begun, report }: HostStanding, context: DeployContext): HostReport {
  const log = new HostLog(name, context, report);
  const gone = "the hive has no such host any more";
  if (!begun) return log.finish({ outcome: "skipped", reason: gone });
  const hint =
    "if an activation was under way there, its agent goes back by itself; see whether the hive reads an environment that differs";
  return log.finish(endingOf("stranded", new JournalError("rollout/hive-changed", gone, { hint }), name));
}

/** What was cut short by the operator, or could not be seen, has not ended. */
function hasEnded(report: HostReport | undefined): report is HostReport {
  if (report === undefined || report.outcome === "skipped") return false;
  return !("error" in report) || !UNENDED.has(report.error.code);
}

const UNENDED: ReadonlySet<string> = new Set(["rollout/interrupted", "rollout/unreachable", "rollout/not-resumed"]);

/** Looks at a host that ended before, and tells when it is not as it was. */
async function verify(
  host: Host,
  { report, context }: { readonly report: HostReport; readonly context: DeployContext },
): Promise<HostReport> {
  const log = new HostLog(host.name, context, report);
  try {
    await using connection = await log.step("connect", () =>
      context.ports.logIn(host, { ssh: context.ssh, signal: context.leave }),
    );
    log.logins += 1;
    const access = accessTo(host, connection);
    const facts = await log.step("probe", () => probeHost(access, { signal: context.leave }));
    const expected = isAsWanted(report) ? report.to : report.from;
    const isExpected = !activates(context.run.goal) || expected === undefined || facts.running === expected;
    if (!isExpected) log.notice(`it ended ${report.outcome}, and runs ${facts.running ?? "nothing of ours"} by now`);
  } catch (error) {
    log.notice(`it ended ${report.outcome}, and cannot be looked at: ${messageOf(error)}`);
  }
  return log.finish(endingOfReport(report));
}

function endingOfReport(report: HostReport): Ending {
  if (report.outcome === "skipped") return { outcome: report.outcome, reason: report.reason };
  return "error" in report ? { outcome: report.outcome, error: report.error } : { outcome: report.outcome };
}

function skip(name: HostName, { options, context }: ResumeWork): HostReport {
  const reason = REASONS[options.wanted];
  return new HostLog(name, context).finish({ outcome: "skipped", reason });
}

const REASONS = {
  finish: "the run was stopped before its turn came",
  "finish-begun": "it was not begun, and --no-new was given",
  revert: "it was not begun, so there is nothing to take back",
} as const;

/** Takes back what was deployed, the last first. */
async function revertAll(
  reports: Map<HostName, HostReport>,
  { context, hosts, hostLimit, options }: ResumeWork,
): Promise<void> {
  const because = "the operator took the run back";
  await Promise.all(
    [...reports.keys()].reverse().map((name) =>
      hostLimit(async () => {
        const report = reports.get(name);
        const host = hosts.get(name);
        if (report?.outcome !== "deployed" || host === undefined || options.stop.aborted) return;
        reports.set(name, await revertHost(host, { report, because, context }));
      }),
    ),
  );
}
