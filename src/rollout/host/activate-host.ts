import type { AgentOrder, HiveRevision, HostFacts, SecretSet } from "#activation";
import { longestChecksMs, takeBaseline } from "#health";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import type { StorePath } from "#store";
import type { ActivationScene } from "./activation-scene.ts";
import { checkedHost } from "./activation-scene.ts";
import type { DeployContext } from "./deploy-context.ts";
import type { Ending, HostLog } from "./host-log.ts";
import type { StoreKind } from "./open-host-store.ts";
import { finishActivation } from "./finish-activation.ts";

const CONFIRM_MARGIN_MS = 30_000;

/** What is to happen on a host whose store has the closure. */
export interface ActivationWork {
  readonly host: Host;
  readonly toplevel: StorePath;
  readonly facts: HostFacts;
  readonly storeKind: StoreKind;
  readonly goal: "secrets" | "test" | "boot" | "switch";
  /** The generation of secrets that goes with it; undefined when they stay as they are. */
  readonly secrets: number | "none" | undefined;
  /** The set that generation was made of: what only the operator opens is brought again after a reboot. */
  readonly secretSet?: SecretSet | undefined;
  /** How long the checks go on after they passed. */
  readonly soakMs: number;
  /** What the host's record says of where the system comes from; undefined: from this run's hive. */
  readonly origin?: SystemOrigin | undefined;
}

/** Where a system that a host goes back to comes from. */
export interface SystemOrigin {
  /** Undefined when it is not known. */
  readonly hive: HiveRevision | undefined;
  readonly rollback: true;
}

/** Notes how the host is, and then: test, prove, commit, and reboot where that is wanted. */
export async function activateHost(
  work: ActivationWork,
  {
    connection,
    log,
    context,
  }: { readonly connection: Connection; readonly log: HostLog; readonly context: DeployContext },
): Promise<Ending> {
  const { host, facts, goal, secretSet, soakMs } = work;
  const { reboot = "never" } = context.run;
  const order = orderOf(work, context);
  const checks = goal === "boot" && reboot === "never" ? [] : host.checks;
  const baseline = await takeBaseline(checks, {
    host: checkedHost(host, connection),
    clock: context.clock,
    signal: context.leave,
  });
  const before = { bootId: facts.bootId, secrets: facts.secrets.generation, baseline };
  context.emit({ type: "baseline", host: host.name, run: order.run, before });
  const scene: ActivationScene = {
    ...{ host, order, before, soakMs, log, context, connection, shownLines: 0 },
    byReboot: goal === "boot",
    readSecrets: () => Promise.resolve(secretSet),
  };
  try {
    return await finishActivation(scene, { from: "not-started" });
  } finally {
    if (scene.connection !== connection) await scene.connection[Symbol.asyncDispose]();
  }
}

function orderOf(
  { host, toplevel, facts, storeKind, goal, secrets, soakMs, origin }: ActivationWork,
  { run, clock }: DeployContext,
): AgentOrder {
  return {
    run: run.id,
    goal,
    toplevel,
    previous: facts.running,
    profile: facts.profile.path,
    nixos: facts.nixos,
    systemd: facts.systemd && host.target.root === "",
    store: storeKind,
    secrets,
    mayReboot: goal === "switch" && run.reboot !== undefined && run.reboot !== "never",
    switchTimeoutMs: host.activation.timeoutMs,
    confirmTimeoutMs: confirmTimeoutOf(host, soakMs),
    record: {
      version: 1,
      run: run.id,
      host: host.name,
      goal,
      who: run.operator,
      at: new Date(clock.now()).toISOString(),
      from: facts.running ?? null,
      to: toplevel,
      generation: null,
      hive: origin === undefined ? run.revision : (origin.hive ?? { ...run.revision, revision: null, dirty: false }),
      rollback: origin?.rollback,
    },
  };
}

/** The proof may take as long as the checks and their soak take at the most, and then the confirmation has to get there. */
export function confirmTimeoutOf({ activation, checks }: Host, soakMs: number): number {
  const longest = longestChecksMs(checks, { soakMs }) + CONFIRM_MARGIN_MS;
  return soakMs === 0 ? activation.confirmTimeoutMs : Math.max(activation.confirmTimeoutMs + soakMs, longest);
}
