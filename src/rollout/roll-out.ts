import { hostname, userInfo } from "node:os";
import type { Clock } from "#core";
import { systemClock } from "#core";
import type { Goal, Hive, Host, Limits } from "#hive";
import { makesSystem } from "#hive";
import { openNativeEvaluator } from "#native";
import { openNix, readClosure } from "#nix";
import { sharedNarSource } from "#store";
import type { RolloutEvent } from "./events.ts";
import type { Emit } from "./host-log.ts";
import type { SshOptions } from "./log-in.ts";
import { planRollout } from "./rollout-plan.ts";
import type { Run } from "./rollout-plan.ts";
import { prepareClosures } from "./prepare-closures.ts";
import { prepareSecrets } from "./prepare-secrets.ts";
import type { PreparedSecrets, SecretsSource } from "./prepare-secrets.ts";
import { readRevision } from "./read-revision.ts";
import type { RolloutReport } from "./rollout-report.ts";
import { makeRunId } from "./run-id.ts";
import { runRollout } from "./run-rollout.ts";
import { stepsFor } from "./steps.ts";

export interface RollOutOptions {
  readonly goal: Goal;
  readonly hosts: readonly Host[];
  /** What the command line says instead of the hive. */
  readonly limits?: Partial<Limits> | undefined;
  readonly ssh?: SshOptions | undefined;
  /** Where secrets come from; undefined when there are none. */
  readonly secrets?: SecretsSource | undefined;
  /** Take hosts over that another run holds. */
  readonly stealLease?: boolean | undefined;
  /** Receives everything that happens, in order. Must not throw. */
  readonly onEvent: (event: RolloutEvent) => void;
  /** Aborts when no new host is to be begun; those under way finish or go back. */
  readonly stop: AbortSignal;
  /** Aborts when hosts under way are to be left to their agents. */
  readonly leave: AbortSignal;
  readonly clock?: Clock | undefined;
}

/**
 * One deployment: prepares the closures, plans, and carries the plan out.
 * @throws SkepError when nothing can be done for any host, such as a missing Nix; what fails for one host is in the report.
 */
export async function rollOut(hive: Hive, options: RollOutOptions): Promise<RolloutReport> {
  const { goal, hosts, ssh = {}, stealLease = false, onEvent, stop, leave, clock = systemClock } = options;
  const limits = { ...hive.limits, ...options.limits };
  const startedAt = clock.now();
  const run: Run = {
    id: makeRunId(new Date(startedAt)),
    goal,
    startedAt,
    operator: `${userInfo().username}@${hostname()}`,
    revision: await readRevision(hive),
    stealLease,
  };
  const emit: Emit = (happening) => {
    onEvent({ at: clock.now(), ...happening });
  };
  const names = hosts.map((host) => host.name);
  emit({ type: "run-started", run: run.id, goal, hive: hive.name, hosts: names, steps: stepsFor(goal) });
  const nix = once(() => openNix({ signal: stop }));
  await using native = openNativeEvaluator({
    readNixClosure: async (path, { signal }) => readClosure(await nix(), path, { signal }),
  });
  const { directory } = hive;
  // First, for it takes no time: a secret that cannot be opened is told before anything is built.
  const secrets = await prepareSecrets(hosts, { goal, source: options.secrets, signal: stop });
  const systems = makesSystem(goal) ? hosts.filter(({ name }) => !failed(secrets.get(name))) : [];
  const prepared = await prepareClosures(systems, { goal, directory, limits, nix, native, emit, clock, signal: stop });
  const plan = planRollout(run, { hosts, waves: hive.waves, prepared, secrets, limits });
  const narSource = sharedNarSource({ locate: native.locate });
  return await runRollout(plan, { emit, ssh, stop, leave, narSource, clock });
}

function failed(prepared: PreparedSecrets | undefined): boolean {
  return prepared !== undefined && "error" in prepared;
}

/** Does the work at the first call, and gives its result to all. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}
