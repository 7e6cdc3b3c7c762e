import pLimit from "p-limit";
import type { HostFacts } from "#activation";
import { probeHost } from "#activation";
import type { Clock, SkepErrorJson } from "#core";
import type { HostName } from "#hive";
import { accessTo } from "../host/activation-scene.ts";
import type { Emit } from "../host/host-log.ts";
import { HostLog } from "../host/host-log.ts";
import { isAsWanted } from "../host/is-as-wanted.ts";
import { leasePatience } from "../host/lease-patience.ts";
import type { SshOptions } from "../host/log-in.ts";
import { logIn } from "../host/log-in.ts";
import { settledFacts } from "../host/settled-facts.ts";
import type { PlannedHost, RolloutPlan } from "../rollout-plan.ts";
import type { RolloutReport } from "../rollout-report.ts";
import { toErrorJson } from "../to-error-json.ts";
import { hasMoved, movedError } from "./moved.ts";

export interface RefusePlanOptions {
  readonly ssh: SshOptions;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Looks at every host before any is touched. What was reviewed is the whole: where one host has moved, or cannot get what
 * the plan has for it, nothing is done on any.
 * @returns how the run ended; undefined when it may begin. Hosts that cannot be reached are left to the run.
 */
export async function refusePlan(plan: RolloutPlan, options: RefusePlanOptions): Promise<RolloutReport | undefined> {
  const { emit, clock, signal } = options;
  const { run, waves, limits } = plan;
  const planned = waves.flatMap(({ hosts }) => hosts);
  const refused = new Map<HostName, SkepErrorJson>();
  for (const one of planned) if ("error" in one) refused.set(one.host.name, one.error);
  if (refused.size === 0) {
    const limit = pLimit(limits.parallel);
    await Promise.all(
      planned.map((one) =>
        limit(async () => {
          const error = await findMove(one, { plan, options });
          if (error !== undefined) refused.set(one.host.name, error);
        }),
      ),
    );
  }
  if (refused.size === 0 || signal.aborted) return undefined;
  const names = planned.flatMap(({ host }) => (refused.has(host.name) ? [host.name] : []));
  const many = names.length === 1 ? String(names[0]) : `${names.length} hosts`;
  const reason = `the plan is refused as a whole, because of ${many}`;
  const hosts = planned.map((one) => {
    const log = new HostLog(one.host.name, { emit, clock });
    if ("closure" in one) log.to = one.closure.toplevel;
    const error = refused.get(one.host.name);
    return log.finish(error === undefined ? { outcome: "skipped", reason } : { outcome: "failed", error });
  });
  const report: RolloutReport = {
    ...{ run: run.id, goal: run.goal, startedAt: run.startedAt, durationMs: clock.now() - run.startedAt },
    ...{ hosts, interrupted: false },
  };
  emit({ type: "run-finished", report });
  return report;
}

async function findMove(
  planned: PlannedHost,
  { plan, options }: { readonly plan: RolloutPlan; readonly options: RefusePlanOptions },
): Promise<SkepErrorJson | undefined> {
  if ("error" in planned || "back" in planned || planned.expected === undefined) return undefined;
  const { host, expected: then, secrets } = planned;
  const { ssh, emit, clock, signal } = options;
  const toplevel = "closure" in planned ? planned.closure.toplevel : undefined;
  try {
    await using connection = await logIn(host, { ssh, signal });
    const access = accessTo(host, connection);
    const log = new HostLog(host.name, { emit, clock });
    const isDone = (facts: HostFacts): boolean =>
      isAsWanted(plan.run.goal, { toplevel, secrets }, facts) || !hasMoved(then, facts);
    const facts = await settledFacts(() => probeHost(access, { signal }), {
      isDone,
      wait: leasePatience(log, { timeoutMs: plan.run.leaseTimeoutMs, clock, stop: signal }),
    });
    if (isDone(facts)) return undefined;
    return toErrorJson(await movedError(access, { then, facts, signal }), host.name);
  } catch {
    return undefined;
  }
}
