import type { CutCommit, HostAccess, HostFacts, SecretSet } from "#activation";
import { dryActivate, installSecrets, NO_SECRETS, probeHost, protectClosure, restoreSecrets } from "#activation";
import type { Goal, Host } from "#hive";
import { installsSecrets } from "#hive";
import type { Connection } from "#ssh";
import type { StorePath } from "#store";
import { accessTo } from "./activation-scene.ts";
import { activateHost } from "./activate-host.ts";
import { copyToHost } from "./copy-to-host.ts";
import { NoneLeft } from "../waves/availability.ts";
import type { DeployContext } from "./deploy-context.ts";
import { RolloutError } from "../errors.ts";
import type { Ending } from "./host-log.ts";
import { endingOf, HostLog } from "./host-log.ts";
import type { WantedState } from "./is-as-wanted.ts";
import { hasSecrets, isAsWanted } from "./is-as-wanted.ts";
import { keepLease } from "./keep-lease.ts";
import { storeKindOf } from "./open-host-store.ts";
import { hasMoved, movedError } from "../plan/moved.ts";
import type { PlannedReturn, PlannedSecrets, PlannedSystem, ReturnTarget } from "../rollout-plan.ts";
import type { HostReport } from "../rollout-report.ts";

const DEPLOYED: Ending = { outcome: "deployed" };
const UNCHANGED: Ending = { outcome: "unchanged" };

type DeployableHost = PlannedSystem | PlannedSecrets | PlannedReturn;

/** Takes one host through the steps of the run's goal. What fails on the host is its report, never thrown. */
export async function deployHost(
  planned: DeployableHost,
  { context, soakMs }: { readonly context: DeployContext; readonly soakMs: number },
): Promise<HostReport> {
  const { host } = planned;
  const log = new HostLog(host.name, context);
  log.to = wantedOf(planned).toplevel;
  log.change = context.changes?.of(host);
  try {
    return log.finish(await deploy(planned, { log, context, soakMs }));
  } catch (error) {
    if (error instanceof NoneLeft && !context.leave.aborted) {
      return log.finish({ outcome: "skipped", reason: error.message });
    }
    return log.finish(endingOf("failed", context.leave.aborted ? stopped() : error, host.name));
  }
}

async function deploy(
  planned: DeployableHost,
  { log, context, soakMs }: { readonly log: HostLog; readonly context: DeployContext; readonly soakMs: number },
): Promise<Ending> {
  const { host } = planned;
  const { goal } = context.run;
  const wanted = wantedOf(planned);
  const signal = context.leave;

  await using connection = await log.step("connect", () => openConnection(host, { log, context }));
  const access = accessTo(host, connection);
  const found = await log.step("probe", () => probeHost(access, { signal }));
  log.from = found.running;
  if (isAsWanted(goal, wanted, found)) return unchanged(found, log);
  const storeKind = storeKindOf(host, found);

  await using lease = await log.step("lease", () => keepLease(access, { log, context }));
  // Another deployment may have ended, or gone back, since the first look.
  const facts = await probeHost(access, { signal: lease.signal });
  log.from = facts.running;
  log.secretsFrom = facts.secrets.generation;
  log.secretSetFrom = facts.secrets.set ?? NO_SECRETS;
  log.bootFrom = facts.bootId;
  if (facts.cutCommit !== undefined) tellCutCommit(facts.cutCommit, { facts, log });
  if (isAsWanted(goal, wanted, facts)) return unchanged(facts, log);
  const then = "back" in planned ? undefined : planned.expected;
  if (then !== undefined && hasMoved(then, facts)) {
    throw await movedError(access, { then, facts, signal: lease.signal });
  }

  const toplevel = wanted.toplevel ?? systemOf(facts);
  log.to = toplevel;
  log.change?.look(facts, { toplevel, closure: "closure" in planned ? planned.closure : undefined });
  let copied = 0;
  if ("closure" in planned) {
    copied = await context.copyLimit(() =>
      log.step("copy", () =>
        copyToHost(planned.closure, {
          ...{ host, storeKind, connection, log, lease },
          narSource: context.narSource,
          ports: context.ports,
        }),
      ),
    );
  }
  const bring = { goal, toplevel, facts, log, signal: lease.signal };
  const generation =
    "back" in planned
      ? await goBackTo(access, planned.back, bring)
      : await bringSecrets(access, { ...bring, secrets: planned.secrets });
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
    case "secrets":
    case "test":
    case "boot":
    case "switch": {
      // Where the system is what it should be, only the secrets change.
      const isSystemThere =
        facts.running === toplevel && facts.profile.system === toplevel && facts.cutCommit === undefined;
      const origin = "back" in planned ? { hive: planned.back.hive, rollback: true as const } : undefined;
      const secretSet = "back" in planned ? undefined : planned.secrets;
      const work = { host, toplevel, facts, storeKind, soakMs, secrets: generation, secretSet, origin };
      const activation = { ...work, goal: goal === "switch" && isSystemThere ? ("secrets" as const) : goal };
      return await context.availability.during(
        host.name,
        () => context.activateLimit(() => activateHost(activation, { connection, log, context })),
        { isLost: ({ outcome }) => outcome === "stranded", signal: lease.signal },
      );
    }
  }
}

function wantedOf(planned: DeployableHost): WantedState {
  if ("back" in planned) return { toplevel: planned.back.toplevel, secrets: { id: planned.back.secretSet } };
  return { toplevel: "closure" in planned ? planned.closure.toplevel : undefined, secrets: planned.secrets };
}

/** The profile may name what the boot loader does not boot: only another commit makes both agree. */
function tellCutCommit(
  { run, system }: CutCommit,
  { facts, log }: { readonly facts: HostFacts; readonly log: HostLog },
): void {
  const boots = `its profile names ${facts.profile.system ?? "nothing"}, and its boot loader may boot another system`;
  log.notice(`run ${run} was cut short while it made ${system} the default: ${boots} until the next commit`);
}

/** What a host without a system of ours has nothing to bind its secrets to. */
function systemOf({ running }: HostFacts): StorePath {
  if (running !== undefined) return running;
  throw new RolloutError("rollout/no-system", "it runs no system of ours that its secrets could belong to", {
    hint: "deploy its system first: that brings the secrets too",
  });
}

/**
 * Makes sure of a system that the host has: that it is not collected, and that its secrets are ready.
 * @returns the generation of secrets to use; undefined when they stay as they are.
 */
async function goBackTo(
  access: HostAccess,
  back: ReturnTarget,
  { facts, log, signal }: Omit<BringSecretsOptions, "secrets">,
): Promise<number | "none" | undefined> {
  if ((facts.running ?? null) !== back.from) {
    const message = `it was to go back from ${back.from ?? "nothing"}, and runs ${facts.running ?? "nothing"} by now`;
    throw new RolloutError("rollout/rollback-moved", message, {
      hint: "somebody else changed it in the meantime: see skep history, and roll back again if that is still wanted",
    });
  }
  await protectClosure(access, { toplevel: back.toplevel, signal });
  if (hasSecrets(facts, { id: back.secretSet })) return facts.secrets.generation;
  if (back.secretSet === NO_SECRETS) return "none";
  const set = { set: back.secretSet, toplevel: back.toplevel, signal };
  return log.step("secrets", () => restoreSecrets(access, set));
}

interface BringSecretsOptions {
  readonly goal: Goal;
  readonly toplevel: StorePath;
  readonly secrets: SecretSet;
  readonly facts: HostFacts;
  readonly log: HostLog;
  readonly signal: AbortSignal;
}

/** @returns the generation of secrets to use; undefined when they stay as they are. */
async function bringSecrets(
  access: HostAccess,
  { goal, toplevel, secrets, facts, log, signal }: BringSecretsOptions,
): Promise<number | undefined> {
  if (!installsSecrets(goal)) return undefined;
  const isThere = hasSecrets(facts, secrets);
  if (isThere && (facts.secrets.generation === undefined || goal === "dry-activate")) return undefined;
  // They may belong to another system yet.
  if (isThere) return facts.secrets.generation;
  const mode = goal === "dry-activate" ? "try" : "install";
  const installed = await log.step("secrets", () => installSecrets(access, { set: secrets, toplevel, mode, signal }));
  log.change?.secrets(installed.changed);
  for (const name of installed.changed) log.line("secrets", `${name} changes`);
  for (const { secret, unit } of installed.missingUnits) {
    log.notice(
      `${secret} is to restart or reload ${unit} when it changes, and neither the system nor the host has that`,
    );
  }
  if (!installed.openedAtBoot) {
    log.notice("nothing opens its secrets when it boots: import skep's nix/module.nix into its configuration");
  }
  return installed.generation;
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
  const connection = await context.ports.logIn(host, {
    ssh: context.ssh,
    signal: context.leave,
    onNotice: (text) => {
      log.notice(text);
    },
  });
  log.logins += 1;
  return connection;
}

function unchanged(facts: HostFacts, log: HostLog): Ending {
  log.generation = facts.profile.generation;
  return UNCHANGED;
}
