import type { Clock } from "#core";
import { once } from "#core";
import type { Hive, Host, HostName, Limits, RolloutPolicy } from "#hive";
import { makesSystem } from "#hive";
import type { NativeEvaluator } from "#native";
import { openNativeEvaluator } from "#native";
import type { Nix } from "#nix";
import { openNix, readClosure } from "#nix";
import type { NarSource } from "#store";
import { sharedNarSource } from "#store";
import type { Emit } from "../host/host-log.ts";
import { refuseOtherWaves } from "../plan/check-hive.ts";
import type { FleetPlan } from "../plan/fleet-plan.ts";
import { statesOf } from "../plan/fleet-plan.ts";
import { preparePlanned } from "../plan/prepare-planned.ts";
import { refuseOtherSecrets } from "../plan/refuse-secrets.ts";
import type { Prepared, PreparedReturn, RolloutPlan, Run } from "../rollout-plan.ts";
import { planRollout } from "../rollout-plan.ts";
import type { WavesPlan } from "../waves/plan-waves.ts";
import { planWaves } from "../waves/plan-waves.ts";
import { prepareClosures } from "./prepare-closures.ts";
import { prepareSecrets } from "./prepare-secrets.ts";
import type { PreparedSecrets, SecretsSource } from "./prepare-secrets.ts";

export interface PrepareRunOptions {
  readonly hive: Hive;
  /** The hosts of the run, in hive order. */
  readonly hosts: readonly Host[];
  /** Those of them that ended before: nothing is made for them. Default: none. */
  readonly ended?: ReadonlySet<HostName> | undefined;
  /** Default: planned here. */
  readonly waves?: WavesPlan | undefined;
  readonly policy: RolloutPolicy;
  readonly limits: Limits;
  readonly secrets: SecretsSource | undefined;
  /** Makes the systems and the secrets; a simulation has its own. Default: from the hive, by Nix and in process. */
  readonly make?: MakeSystems | undefined;
  /** Where hosts go back to: nothing is made for them. Default: none goes back. */
  readonly returns?: ReadonlyMap<HostName, PreparedReturn> | undefined;
  /** A plan whose systems and secrets are to be brought, and no others. */
  readonly saved?: FleetPlan | undefined;
  /** Has the last word on what became of a host's system. */
  readonly judge?: ((prepared: Prepared, host: HostName) => Prepared) | undefined;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Makes what hosts are to get. */
export type MakeSystems = (hosts: readonly Host[]) => Promise<{
  readonly systems: ReadonlyMap<HostName, Prepared>;
  readonly secrets: ReadonlyMap<HostName, PreparedSecrets>;
}>;

/** A plan, and where what it sends is read from. */
export interface PreparedRun extends AsyncDisposable {
  readonly plan: RolloutPlan;
  readonly narSource: NarSource;
  /** See {@link NativeEvaluator}. */
  readonly manifestOf: NativeEvaluator["manifestOf"];
  /** The operator's Nix, opened when it is asked for first. */
  readonly nix: () => Promise<Nix>;
}

/**
 * Makes everything that a run brings to its hosts, and plans it. Touches no host. Dispose it when the run is over.
 * @throws HiveError `hive/invalid` when the waves go against the order; SkepError when nothing can be made for any host,
 *   such as a missing Nix. What fails for one host is in the plan.
 */
export async function prepareRun(run: Run, options: PrepareRunOptions): Promise<PreparedRun> {
  const { hive, hosts, ended = new Set<HostName>(), policy, limits, emit, clock, signal, judge = asMade } = options;
  const { returns = new Map<HostName, PreparedReturn>(), saved } = options;
  const { goal } = run;
  // Waves that go against the order are told before anything is built.
  const waves = options.waves ?? planWaves(policy, { run: hosts, hive: hive.hosts });
  const nix = once(() => openNix({ signal }));
  const native = openNativeEvaluator({
    readNixClosure: async (path, { signal: aborted }) => readClosure(await nix(), path, { signal: aborted }),
  });
  try {
    const rest = hosts.filter(({ name }) => !ended.has(name) && !returns.has(name));
    const makeReally: MakeSystems = async () => {
      // First, for it takes no time: a secret that cannot be opened is told before anything is built.
      const read = await prepareSecrets(rest, { goal, source: options.secrets, signal });
      const secrets = saved === undefined ? read : refuseOtherSecrets(read, saved);
      const wanting = makesSystem(goal) ? rest.filter(({ name }) => !failed(secrets.get(name))) : [];
      const work = { goal, directory: hive.directory, limits, nix, native, emit, clock, signal };
      const systems = await (saved === undefined
        ? prepareClosures(wanting, work)
        : preparePlanned(wanting, saved, work));
      return { systems, secrets };
    };
    const { systems: made, secrets } = await (options.make ?? makeReally)(rest);
    const prepared = new Map<HostName, Prepared | PreparedReturn>(returns);
    for (const name of ended) prepared.set(name, { error: ENDED });
    for (const [name, system] of made) prepared.set(name, judge(system, name));
    const expected = saved === undefined ? undefined : statesOf(saved);
    const plan = planRollout(run, { hosts, hive: hive.hosts, waves, policy, prepared, secrets, limits, expected });
    if (saved !== undefined) refuseOtherWaves(saved, plan);
    const narSource = sharedNarSource({ locate: native.locate });
    const { manifestOf } = native;
    return { plan, narSource, manifestOf, nix, [Symbol.asyncDispose]: () => native[Symbol.asyncDispose]() };
  } catch (error) {
    await native[Symbol.asyncDispose]();
    throw error;
  }
}

function asMade(prepared: Prepared): Prepared {
  return prepared;
}

/** Stands for the plan of a host that is not looked at. */
const ENDED = { code: "rollout/interrupted", message: "it ended before" };

function failed(prepared: PreparedSecrets | undefined): boolean {
  return prepared !== undefined && "error" in prepared;
}
