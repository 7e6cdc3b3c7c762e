import type { RebootPolicy } from "./reboot/reboot-deployed.ts";
import type { SkepErrorJson } from "#core";
import type { HiveRevision, SecretSet } from "#activation";
import { makeSecretSet, NO_SECRETS } from "#activation";
import type { Amount, Gate, Goal, Host, HostName, Limits, OnFailure, RolloutPolicy } from "#hive";
import { countOf, makesSystem, selectHosts } from "#hive";
import type { Closure, StorePath } from "#store";
import type { AvailabilityBound } from "./waves/availability.ts";
import { planWaves } from "./waves/plan-waves.ts";
import type { WavesPlan } from "./waves/plan-waves.ts";
import type { HostState } from "./plan/fleet-plan.ts";
import type { PreparedSecrets } from "./prepare/prepare-secrets.ts";
import type { Step } from "./steps.ts";
import { stepsFor } from "./steps.ts";

/** What identifies a run, from its start. */
export interface Run {
  /** See makeRunId. */
  readonly id: string;
  readonly goal: Goal;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** `user@machine` of the operator. */
  readonly operator: string;
  readonly revision: HiveRevision;
  /** Take hosts over that another run holds. */
  readonly stealLease: boolean;
  /** How long to wait for a host that another run holds. Default: not at all. */
  readonly leaseTimeoutMs?: number | undefined;
  readonly reboot?: RebootPolicy | undefined;
  /** Whether it takes hosts back to systems they had. */
  readonly rollback?: true | undefined;
}

/** What a run will do: a value, made without touching any host, and carried out by runRollout. */
export interface RolloutPlan {
  readonly run: Run;
  /** In the order they go. Of these every host of the run is in one. */
  readonly waves: readonly PlannedWave[];
  /** For each host those that must have ended well before it begins; none of them is in a later wave. */
  readonly after: ReadonlyMap<HostName, readonly HostName[]>;
  /** How many hosts of the run may end badly. */
  readonly maxFailures: number;
  /** How many hosts may be unavailable at one time. */
  readonly availability: readonly AvailabilityBound[];
  readonly onFailure: OnFailure;
  readonly limits: Limits;
}

/** Hosts that go together. */
export interface PlannedWave {
  /** What the hive calls it. */
  readonly name: string;
  /** In hive order. */
  readonly hosts: readonly PlannedHost[];
  /** How long the checks of its hosts go on after they passed, before the commit. */
  readonly soakMs: number;
  /** To wait after it, before the next one. */
  readonly pauseMs: number;
  /** How many of its hosts may end badly. */
  readonly maxFailures: number;
  readonly gate: Gate | undefined;
}

/** One host's part: the steps to take, or why there are none. */
export type PlannedHost = PlannedSystem | PlannedSecrets | PlannedReturn | UnplannedHost;

/** The host gets a system, and the secrets that go with it. */
export interface PlannedSystem {
  readonly host: Host;
  readonly steps: readonly Step[];
  readonly closure: Closure;
  readonly secrets: SecretSet;
  /** What it must run before: nothing is done on one that has moved. Undefined where nobody said. */
  readonly expected?: HostState | undefined;
}

/** The host gets secrets alone. */
export interface PlannedSecrets {
  readonly host: Host;
  readonly steps: readonly Step[];
  readonly secrets: SecretSet;
  readonly expected?: HostState | undefined;
}

/** The host goes back to a system that its store has, with the secrets that it had last. */
export interface PlannedReturn {
  readonly host: Host;
  readonly steps: readonly Step[];
  readonly back: ReturnTarget;
}

/** Where a host goes back to. */
export interface ReturnTarget {
  readonly toplevel: StorePath;
  /** The id of the set of secrets that it keeps for that system. */
  readonly secretSet: string;
  /** What it ran when this was decided: it goes back from nothing else. */
  readonly from: StorePath | null;
  /** Which version of the hive that system was made of, as far as the host's records tell. */
  readonly hive: HiveRevision | undefined;
}

export interface UnplannedHost {
  readonly host: Host;
  readonly error: SkepErrorJson;
}

/** What became of a host's closure: it is there, or why it could not be made. */
export type Prepared = { readonly closure: Closure } | { readonly error: SkepErrorJson };

/** Where a host that is not to get a system goes back to, or why it cannot. */
export type PreparedReturn = { readonly back: ReturnTarget } | { readonly error: SkepErrorJson };

/**
 * Decides what a run will do. Pure.
 * @throws HiveError `hive/invalid` when the waves go against the order.
 */
export function planRollout(
  run: Run,
  options: {
    /** The hosts of this run, in hive order. */
    readonly hosts: readonly Host[];
    /** All hosts of the hive, which selections are about. Default: those of this run. */
    readonly hive?: readonly Host[] | undefined;
    /** Default: planned here. */
    readonly waves?: WavesPlan | undefined;
    readonly policy: RolloutPolicy;
    /** Of every host, but for the goal `secrets`. */
    readonly prepared: ReadonlyMap<HostName, Prepared | PreparedReturn>;
    /** Of hosts that consume some. */
    readonly secrets: ReadonlyMap<HostName, PreparedSecrets>;
    readonly limits: Limits;
    /** What hosts must run before, where that was reviewed. */
    readonly expected?: ReadonlyMap<HostName, HostState> | undefined;
  },
): RolloutPlan {
  const { hosts, hive = hosts, policy, limits } = options;
  const planHost = (host: Host): PlannedHost => {
    const steps = stepsFor(run.goal, { secrets: host.secrets.length > 0 });
    const ready = options.prepared.get(host.name);
    if (ready !== undefined && "back" in ready) {
      const isKept = ready.back.secretSet !== NO_SECRETS;
      return { host, steps: stepsFor(run.goal, { secrets: isKept, systems: false }), back: ready.back };
    }
    const read = options.secrets.get(host.name) ?? { secrets: makeSecretSet([], host) };
    if ("error" in read) return { host, error: read.error };
    const { secrets } = read;
    const expected = options.expected?.get(host.name);
    if (!makesSystem(run.goal)) return { host, steps, secrets, expected };
    if (ready === undefined) throw new Error(`no closure was prepared for ${host.name}`);
    return "closure" in ready
      ? { host, steps, closure: ready.closure, secrets, expected }
      : { host, error: ready.error };
  };
  const { waves, after } = options.waves ?? planWaves(policy, { run: hosts, hive });
  return {
    run,
    waves: waves.map(({ policy: wave, hosts: ofWave }) => ({
      name: wave.name,
      hosts: ofWave.map(planHost),
      soakMs: wave.soakMs,
      pauseMs: wave.pauseMs,
      maxFailures: countOf(wave.maxFailures, ofWave.length),
      gate: wave.gate,
    })),
    after,
    maxFailures: countOf(policy.maxFailures, hosts.length),
    availability: boundsOf(policy, { run: hosts, hive, waves }),
    onFailure: policy.onFailure,
    limits,
  };
}

/** How many of the hosts of a run may be unavailable at one time. @throws HiveError as {@link planRollout} does. */
export function availabilityOf(
  policy: RolloutPolicy,
  { run, hive }: { readonly run: readonly Host[]; readonly hive: readonly Host[] },
): readonly AvailabilityBound[] {
  return boundsOf(policy, { run, hive, waves: planWaves(policy, { run, hive }).waves });
}

/** A share of few hosts is one of them: with none, nothing could be deployed. */
function boundsOf(
  policy: RolloutPolicy,
  {
    run,
    hive,
    waves,
  }: { readonly run: readonly Host[]; readonly hive: readonly Host[]; readonly waves: WavesPlan["waves"] },
): readonly AvailabilityBound[] {
  const bound = (of: string, hosts: readonly Host[], amount: Amount): AvailabilityBound => ({
    of,
    hosts: new Set(hosts.map(({ name }) => name)),
    most: countOf(amount, hosts.length, { atLeast: 1 }),
  });
  const selected = policy.maxUnavailableOf.map(({ selection, amount }) => {
    const names = new Set(selectHosts({ hosts: hive }, selection).map(({ name }) => name));
    return { selection, amount, hosts: run.filter(({ name }) => names.has(name)) };
  });
  return [
    ...(policy.maxUnavailable === undefined ? [] : [bound("of the run", run, policy.maxUnavailable)]),
    ...selected.map(({ selection, hosts, amount }) => bound(`of ${selection}`, hosts, amount)),
    ...waves.flatMap(({ policy: { name, maxUnavailable }, hosts }) =>
      maxUnavailable === undefined ? [] : [bound(`of wave ${name}`, hosts, maxUnavailable)],
    ),
  ].filter(({ hosts }) => hosts.size > 0);
}
