import pLimit from "p-limit";
import type { Clock } from "#core";
import { systemClock } from "#core";
import type { NarSource } from "#store";
import { sharedNarSource } from "#store";
import type { DeployContext } from "./deploy-context.ts";
import { deployHost } from "./deploy-host.ts";
import type { Emit, Ending } from "./host-log.ts";
import { HostLog } from "./host-log.ts";
import type { SshOptions } from "./log-in.ts";
import type { Outcome } from "./outcome.ts";
import type { PlannedHost, PlannedWave, RolloutPlan } from "./rollout-plan.ts";
import type { HostReport, RolloutReport } from "./rollout-report.ts";

export interface RunRolloutOptions {
  readonly emit: Emit;
  readonly ssh: SshOptions;
  /** Aborts when no new host is to be begun; those under way finish or go back. */
  readonly stop: AbortSignal;
  /** Aborts when hosts under way are to be left to their agents. */
  readonly leave: AbortSignal;
  readonly narSource?: NarSource | undefined;
  readonly clock?: Clock | undefined;
}

/** Carries a plan out, as many hosts at once as its limits allow. What fails on a host is in the report, never thrown. */
export async function runRollout(plan: RolloutPlan, options: RunRolloutOptions): Promise<RolloutReport> {
  const { emit, ssh, stop, leave, narSource = sharedNarSource(), clock = systemClock } = options;
  const { run, limits } = plan;
  const copyLimit = pLimit(limits.copy);
  const activateLimit = pLimit(limits.activate);
  const hostLimit = pLimit(limits.parallel);
  const context: DeployContext = { run, ssh, narSource, copyLimit, activateLimit, emit, clock, leave };
  const reports: HostReport[] = [];
  let stopped: string | undefined;
  for (const wave of plan.waves) {
    const ended = await Promise.all(
      wave.hosts.map((planned) =>
        hostLimit(() => carryOut(planned, { context, skip: stop.aborted ? STOPPED_BY_OPERATOR : stopped })),
      ),
    );
    reports.push(...ended);
    stopped ??= whyStop(wave, ended);
  }

  const report: RolloutReport = {
    run: run.id,
    goal: run.goal,
    startedAt: run.startedAt,
    durationMs: clock.now() - run.startedAt,
    hosts: reports,
    interrupted: stop.aborted || leave.aborted,
  };
  emit({ type: "run-finished", report });
  return report;
}

const STOPPED_BY_OPERATOR = "the run was stopped before its turn came";

/** Why no later wave is to begin, if so: a host of this one did not end as wanted. */
function whyStop(wave: PlannedWave, ended: readonly HostReport[]): string | undefined {
  const bad = ended.filter(({ outcome }) => outcome !== "deployed" && outcome !== "unchanged");
  const [first] = bad;
  if (first === undefined) return undefined;
  if (bad.length > 1) return `${bad.length} hosts of wave ${wave.name} did not end well`;
  return `${first.host} of wave ${wave.name} ${FATES[first.outcome]}`;
}

const FATES: Readonly<Record<Outcome, string>> = {
  unchanged: "is unchanged",
  deployed: "was deployed",
  skipped: "was skipped",
  failed: "failed",
  "rolled-back": "was rolled back",
  stranded: "is stranded",
};

async function carryOut(
  planned: PlannedHost,
  { context, skip }: { readonly context: DeployContext; readonly skip: string | undefined },
): Promise<HostReport> {
  if ("error" in planned && planned.error.code !== "rollout/interrupted")
    return end(planned, { outcome: "failed", error: planned.error }, context);
  if ("error" in planned || skip !== undefined) {
    return end(planned, { outcome: "skipped", reason: skip ?? STOPPED_BY_OPERATOR }, context);
  }
  if (context.run.goal === "build") return end(planned, { outcome: "deployed" }, context);
  return deployHost(planned, context);
}

/** A host that nothing is done on. */
function end(planned: PlannedHost, ending: Ending, context: DeployContext): HostReport {
  const log = new HostLog(planned.host.name, context);
  if ("closure" in planned) log.to = planned.closure.toplevel;
  return log.finish(ending);
}
