import type { SkepErrorJson } from "#core";
import type { HiveRevision, SecretSet } from "#activation";
import { makeSecretSet } from "#activation";
import type { Goal, Host, HostName, Limits, Wave } from "#hive";
import { makesSystem } from "#hive";
import type { Closure } from "#store";
import type { PreparedSecrets } from "./prepare-secrets.ts";
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
}

/** What a run will do: a value, made without touching any host, and carried out by runRollout. */
export interface RolloutPlan {
  readonly run: Run;
  /** In the order they go. Of these every host of the run is in one. */
  readonly waves: readonly PlannedWave[];
  readonly limits: Limits;
}

/** Hosts that go together. */
export interface PlannedWave {
  /** What the hive calls it. */
  readonly name: string;
  /** In hive order. */
  readonly hosts: readonly PlannedHost[];
}

/** One host's part: the steps to take, or why there are none. */
export type PlannedHost = PlannedSystem | PlannedSecrets | UnplannedHost;

/** The host gets a system, and the secrets that go with it. */
export interface PlannedSystem {
  readonly host: Host;
  readonly steps: readonly Step[];
  readonly closure: Closure;
  readonly secrets: SecretSet;
}

/** The host gets secrets alone. */
export interface PlannedSecrets {
  readonly host: Host;
  readonly steps: readonly Step[];
  readonly secrets: SecretSet;
}

export interface UnplannedHost {
  readonly host: Host;
  readonly error: SkepErrorJson;
}

/** What became of a host's closure: it is there, or why it could not be made. */
export type Prepared = { readonly closure: Closure } | { readonly error: SkepErrorJson };

/** Decides what a run will do. Pure. */
export function planRollout(
  run: Run,
  options: {
    /** The hosts of this run, in hive order. */
    readonly hosts: readonly Host[];
    readonly waves: readonly Wave[];
    /** Of every host, but for the goal `secrets`. */
    readonly prepared: ReadonlyMap<HostName, Prepared>;
    /** Of hosts that consume some. */
    readonly secrets: ReadonlyMap<HostName, PreparedSecrets>;
    readonly limits: Limits;
  },
): RolloutPlan {
  const steps = stepsFor(run.goal);
  const planHost = (host: Host): PlannedHost => {
    const read = options.secrets.get(host.name) ?? { secrets: makeSecretSet([], host) };
    if ("error" in read) return { host, error: read.error };
    const { secrets } = read;
    if (!makesSystem(run.goal)) return { host, steps, secrets };
    const prepared = options.prepared.get(host.name);
    if (prepared === undefined) throw new Error(`no closure was prepared for ${host.name}`);
    return "closure" in prepared
      ? { host, steps, closure: prepared.closure, secrets }
      : { host, error: prepared.error };
  };
  const waves = options.waves.map(({ name, hosts }) => ({
    name,
    hosts: options.hosts.filter((host) => hosts.includes(host.name)).map(planHost),
  }));
  return { run, waves: waves.filter(({ hosts }) => hosts.length > 0), limits: options.limits };
}
