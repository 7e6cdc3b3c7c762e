import type { HostFacts } from "#activation";
import { NO_SECRETS } from "#activation";
import type { Clock, SkepErrorJson } from "#core";
import type { Host, HostName, PlanGoal } from "#hive";
import type { Manifest } from "#native";
import type { Closure, StoredPath, StorePath } from "#store";
import type { Emit } from "../host/host-log.ts";
import { HostLog } from "../host/host-log.ts";
import { leasePatience } from "../host/lease-patience.ts";
import type { SshOptions } from "../host/log-in.ts";
import type { PlannedHost } from "../rollout-plan.ts";
import { toErrorJson } from "../to-error-json.ts";
import { closureDigest } from "./closure-digest.ts";
import { compareHost } from "./compare-host.ts";
import type { HostPlan, HostState, PlanTarget, SystemChange } from "./fleet-plan.ts";
import { lookAtHost } from "./look-at-host.ts";
import type { PlanPorts } from "./plan-ports.ts";
import type { PreparedVersions, WantedSecrets } from "./secret-versions.ts";

/** What looking at the hosts of one plan shares. */
export interface HostWork {
  readonly goal: PlanGoal;
  readonly ssh: SshOptions;
  readonly ports: PlanPorts;
  readonly manifestOf: (toplevel: StorePath) => Manifest | undefined;
  readonly known: Map<StorePath, readonly StoredPath[]>;
  readonly sizeOf: (path: StorePath) => number | undefined;
  readonly emit: Emit;
  readonly clock: Clock;
  /** How long to wait for a host that a run holds. Default: not at all. */
  readonly leaseTimeoutMs?: number | undefined;
  readonly signal: AbortSignal;
}

interface PlanHostOptions {
  readonly wave: string;
  readonly after: readonly HostName[];
  readonly secrets: PreparedVersions | undefined;
  readonly work: HostWork;
}

/** One host's part of a plan. The change has no number yet. What fails is in it, never thrown. */
export async function planHost(
  planned: PlannedHost,
  { wave, after, secrets = { id: NO_SECRETS, secrets: [] }, work }: PlanHostOptions,
): Promise<{ readonly host: HostPlan; readonly change?: SystemChange }> {
  const { host } = planned;
  const base = { host: host.name, wave, target: planTarget(host), after };
  const fail = (error: SkepErrorJson): { readonly host: HostPlan } => ({ host: { ...base, status: "failed", error } });
  if ("error" in planned) return fail(planned.error);
  if ("error" in secrets) return fail(secrets.error);
  const closure = "closure" in planned ? planned.closure : undefined;
  try {
    return await compare(host, { base, closure, secrets, work });
  } catch (error) {
    work.signal.throwIfAborted();
    return fail(toErrorJson(error, host.name));
  }
}

interface CompareOptions {
  readonly base: Pick<HostPlan, "host" | "wave" | "target" | "after">;
  readonly closure: Closure | undefined;
  readonly secrets: WantedSecrets;
  readonly work: HostWork;
}

async function compare(
  host: Host,
  { base, closure, secrets, work }: CompareOptions,
): Promise<{ readonly host: HostPlan; readonly change?: SystemChange }> {
  const { goal } = work;
  const manifest = closure === undefined ? undefined : work.manifestOf(closure.toplevel);
  const wanted = { closure, manifest, secrets };
  const log = new HostLog(host.name, work);
  const wait = leasePatience(log, { timeoutMs: work.leaseTimeoutMs, clock: work.clock, stop: work.signal });
  const look = await lookAtHost(host, { ...work, wanted, log, wait });
  const from = stateOf(look.facts);
  const to = {
    toplevel: closure?.toplevel ?? null,
    closure: closure === undefined ? null : closureDigest(closure),
    secrets: secrets.id,
  };
  if (look.isAsWanted) {
    const size = closure?.narSize ?? null;
    const nothing = { change: null, copy: { paths: 0, bytes: 0 }, closureSize: { before: size, after: size } };
    return {
      host: { ...base, status: "unchanged", from, to: { ...to, generation: from.generation }, ...nothing, notices: [] },
    };
  }
  const isLocal = closure !== undefined && manifest === undefined;
  const local = isLocal ? await work.ports.readLocalSystem(closure.toplevel) : undefined;
  const { change, figures } = compareHost(look, { host: host.name, goal, wanted: { ...wanted, local } });
  const { generation, ...rest } = figures;
  return { host: { ...base, status: "changes", from, to: { ...to, generation }, change: null, ...rest }, change };
}

/** What a host runs, as a plan notes it down. */
export function stateOf({ running, profile, secrets }: HostFacts): HostState {
  return {
    running: running ?? null,
    profile: profile.system ?? null,
    generation: profile.generation ?? null,
    secrets: secrets.set ?? NO_SECRETS,
  };
}

/** The machine that a host of the hive is. */
export function planTarget({ target }: Pick<Host, "target">): PlanTarget {
  return { host: target.host, user: target.user ?? null, port: target.port ?? null, root: target.root };
}
