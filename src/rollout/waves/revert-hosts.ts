import type { HostFacts } from "#activation";
import { NO_SECRETS, probeHost } from "#activation";
import { messageOf } from "#core";
import type { Host } from "#hive";
import { accessTo } from "../host/activation-scene.ts";
import { activateHost } from "../host/activate-host.ts";
import { NoneLeft } from "./availability.ts";
import type { DeployContext } from "../host/deploy-context.ts";
import { RolloutError } from "../errors.ts";
import type { Ending } from "../host/host-log.ts";
import { endingOf, HostLog } from "../host/host-log.ts";
import { keepLease } from "../host/keep-lease.ts";
import { storeKindOf } from "../host/open-host-store.ts";
import type { PlannedHost } from "../rollout-plan.ts";
import type { HostReport } from "../rollout-report.ts";
import { revertRun } from "../run-id.ts";
import type { Course } from "../run-rollout.ts";

/**
 * Takes hosts that this run deployed back to what they ran before it, in the order given, each by the same way it came:
 * test, prove, commit. A host that had nothing before, or that somebody else changed since, stays as it is.
 */
export async function revertHosts(
  hosts: readonly PlannedHost[],
  { course, because }: { readonly course: Course; readonly because: string },
): Promise<void> {
  const { context, ended, hostLimit } = course;
  await Promise.all(
    hosts.map(({ host }) =>
      hostLimit(async () => {
        const report = ended.get(host.name);
        if (report?.outcome !== "deployed" || context.leave.aborted) return;
        ended.set(host.name, await revertHost(host, { report, because, context }));
      }),
    ),
  );
}

interface RevertOptions {
  readonly report: HostReport;
  readonly because: string;
  readonly context: DeployContext;
}

/** @returns the host's new report: it takes the place of the one that said deployed. */
export async function revertHost(host: Host, { report, because, context }: RevertOptions): Promise<HostReport> {
  const log = new HostLog(host.name, context, report);
  try {
    return log.finish(await revert(host, { report, because, context, log }));
  } catch (error) {
    if (error instanceof NoneLeft) {
      log.notice(`it is well and stays what it is, for it may not become unavailable: ${error.message}`);
      return log.finish({ outcome: "deployed" });
    }
    const message = `it still runs what was deployed; going back failed: ${messageOf(error)}`;
    const hint = "the rest of its wave went back; deploy it by hand when it can be reached";
    return log.finish(
      endingOf("stranded", new RolloutError("rollout/not-reverted", message, { hint, cause: error }), host.name),
    );
  }
}

async function revert(
  host: Host,
  { report: { from, to }, because, log, ...options }: RevertOptions & { readonly log: HostLog },
): Promise<Ending> {
  // A run of its own to the host, which keeps a record of each.
  const context = { ...options.context, run: { ...options.context.run, id: revertRun(options.context.run.id) } };
  const { goal } = context.run;
  if (from === undefined || goal === "build" || goal === "push" || goal === "dry-activate") {
    log.notice(from === undefined ? "it ran nothing of ours before this run: it stays" : `what goal ${goal} did stays`);
    return { outcome: "deployed" };
  }
  await using connection = await context.ports.logIn(host, { ssh: context.ssh, signal: context.leave });
  log.logins += 1;
  const access = accessTo(host, connection);
  await using lease = await keepLease(access, { log, context });
  const facts = await probeHost(access, { signal: lease.signal });
  // It was to run the new system from its next boot on, which has not come.
  const isNextBoot = from !== to && facts.running === from && facts.profile.system === to;
  const isBack = from !== to && facts.running === from && facts.profile.system === from;
  if (isBack) {
    log.notice("it was rebooted, or somebody took it back, before its turn came");
    return wentBack(because, host);
  }
  if (facts.running !== to && !isNextBoot) {
    log.notice(`it runs ${facts.running ?? "nothing of ours"} by now, which is not what this run deployed: it stays`);
    return { outcome: "deployed" };
  }
  const way = isNextBoot
    ? { goal: "boot" as const, secrets: undefined }
    : {
        goal: from === to ? ("secrets" as const) : goal === "boot" ? ("switch" as const) : goal,
        secrets: secretsBefore(log, facts),
      };
  const ending = await context.availability.during(
    host.name,
    () =>
      activateHost(
        {
          ...{ host, toplevel: from, facts, storeKind: storeKindOf(host, facts), soakMs: 0, ...way },
          origin: { hive: undefined, rollback: true },
        },
        { connection, log, context: isNextBoot ? withoutReboot(context) : context },
      ),
    { isLost: ({ outcome }) => outcome === "stranded", signal: context.leave },
  );
  if (ending.outcome !== "deployed") throw new Error("error" in ending ? ending.error.message : ending.outcome);
  return wentBack(because, host);
}

function wentBack(because: string, { name }: Host): Ending {
  const error = new RolloutError("rollout/reverted", `it was well, and went back to what it ran before: ${because}`, {
    hint: "see to what stopped the run, then deploy again",
  });
  return endingOf("rolled-back", error, name);
}

/** What runs already needs no reboot to run. */
function withoutReboot(context: DeployContext): DeployContext {
  return { ...context, run: { ...context.run, reboot: "never" } };
}

/**
 * The generation that has the secrets of before; undefined when there are none, and were none.
 * @throws when they were in memory, and went with a reboot.
 */
function secretsBefore(
  { secretsFrom, secretSetFrom, bootFrom }: HostLog,
  { secrets: { generation, set = NO_SECRETS }, bootId }: HostFacts,
): number | "none" | undefined {
  if (set === (secretSetFrom ?? NO_SECRETS)) return generation;
  if (secretSetFrom === NO_SECRETS) return "none";
  if (bootFrom === bootId) return secretsFrom ?? "none";
  throw new Error("the secrets that it had before went with its reboot");
}
