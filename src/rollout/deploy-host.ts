import type { HostFacts } from "#activation";
import { dryActivate, probeHost } from "#activation";
import type { Goal, Host } from "#hive";
import { activates, persistsAfterReboot } from "#hive";
import type { Connection } from "#ssh";
import type { Closure, StorePath } from "#store";
import { accessTo } from "./activation-scene.ts";
import { activateHost } from "./activate-host.ts";
import { copyToHost } from "./copy-to-host.ts";
import type { DeployContext } from "./deploy-context.ts";
import { RolloutError } from "./errors.ts";
import type { Ending } from "./host-log.ts";
import { endingOf, HostLog } from "./host-log.ts";
import { keepLease } from "./keep-lease.ts";
import { logIn } from "./log-in.ts";
import { storeKindOf } from "./open-host-store.ts";
import type { HostReport } from "./rollout-report.ts";

const DEPLOYED: Ending = { outcome: "deployed" };
const UNCHANGED: Ending = { outcome: "unchanged" };

/** Takes one host through the steps of the run's goal. What fails on the host is its report, never thrown. */
export async function deployHost(
  { host, closure }: { readonly host: Host; readonly closure: Closure },
  context: DeployContext,
): Promise<HostReport> {
  const log = new HostLog(host.name, context);
  log.to = closure.toplevel;
  try {
    return log.finish(await deploy(host, closure, { log, context }));
  } catch (error) {
    return log.finish(endingOf("failed", context.leave.aborted ? stopped() : error, host.name));
  }
}

async function deploy(
  host: Host,
  closure: Closure,
  { log, context }: { readonly log: HostLog; readonly context: DeployContext },
): Promise<Ending> {
  const { goal } = context.run;
  const { toplevel } = closure;
  const signal = context.leave;

  await using connection = await log.step("connect", () => openConnection(host, { log, context }));
  const access = accessTo(host, connection);
  const found = await log.step("probe", () => probeHost(access, { signal }));
  log.from = found.running;
  if (isAsWanted(goal, toplevel, found)) return unchanged(found, log);
  const storeKind = storeKindOf(host, found);

  await using lease = await log.step("lease", () => keepLease(access, { log, context }));
  // Another deployment may have ended, or gone back, since the first look.
  const facts = await probeHost(access, { signal: lease.signal });
  log.from = facts.running;
  if (isAsWanted(goal, toplevel, facts)) return unchanged(facts, log);

  const copied = await context.copyLimit(() =>
    log.step("copy", () =>
      copyToHost(closure, { host, storeKind, connection, log, narSource: context.narSource, lease }),
    ),
  );
  switch (goal) {
    case "build":
    case "push":
      return copied === 0 ? UNCHANGED : DEPLOYED;
    case "dry-activate":
      await log.step("dry-activate", () =>
        dryActivate(access, {
          toplevel,
          timeoutMs: host.activation.timeoutMs,
          signal: lease.signal,
          onLogLine: (line) => {
            log.line("dry-activate", line);
          },
        }),
      );
      return DEPLOYED;
    case "test":
    case "boot":
    case "switch":
      return await context.activateLimit(() =>
        activateHost({ host, toplevel, facts, storeKind, goal }, { connection, log, context }),
      );
  }
}

function stopped(): RolloutError {
  return new RolloutError("rollout/interrupted", "the run was stopped, and the host is as it was", {
    hint: "deploy again when you like: what was copied is kept",
  });
}

async function openConnection(
  host: Host,
  { log, context }: { readonly log: HostLog; readonly context: DeployContext },
): Promise<Connection> {
  const connection = await logIn(host, {
    ssh: context.ssh,
    signal: context.leave,
    onNotice: (text) => {
      log.notice(text);
    },
  });
  log.logins += 1;
  return connection;
}

/** Whether a host has reached the goal already. What was only pushed shows in the copy, which then finds nothing to do. */
function isAsWanted(goal: Goal, toplevel: StorePath, { running, profile }: HostFacts): boolean {
  if (!activates(goal) && !persistsAfterReboot(goal)) return false;
  const runsIt = running === toplevel || !activates(goal);
  const bootsIt = profile.system === toplevel || !persistsAfterReboot(goal);
  return runsIt && bootsIt;
}

function unchanged(facts: HostFacts, log: HostLog): Ending {
  log.generation = facts.profile.generation;
  return UNCHANGED;
}
