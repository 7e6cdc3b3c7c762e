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
import type { PlannedHost, RolloutPlan } from "./rollout-plan.ts";
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
  const hosts = await Promise.all(
    plan.hosts.map((planned) => hostLimit(() => carryOut(planned, { context, stopped: stop.aborted }))),
  );
  const report: RolloutReport = {
    run: run.id,
    goal: run.goal,
    startedAt: run.startedAt,
    durationMs: clock.now() - run.startedAt,
    hosts,
    interrupted: stop.aborted || leave.aborted,
  };
  emit({ type: "run-finished", report });
  return report;
}

async function carryOut(
  planned: PlannedHost,
  { context, stopped }: { readonly context: DeployContext; readonly stopped: boolean },
): Promise<HostReport> {
  if ("error" in planned && planned.error.code !== "rollout/interrupted")
    return end(planned, { outcome: "failed", error: planned.error }, context);
  if ("error" in planned || stopped) {
    return end(planned, { outcome: "skipped", reason: "the run was stopped before its turn came" }, context);
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
