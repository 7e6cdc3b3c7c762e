import type { Clock } from "#core";
import type { Goal, Host, HostName, Limits } from "#hive";
import type { NativeEvaluator } from "#native";
import type { Nix } from "#nix";
import { RolloutError } from "../errors.ts";
import type { Emit } from "../host/host-log.ts";
import { prepareNativeSystems } from "./prepare-native-systems.ts";
import { prepareNixSystems } from "./prepare-nix-systems.ts";
import type { Prepared } from "../rollout-plan.ts";
import { toErrorJson } from "../to-error-json.ts";

export interface PrepareOptions {
  readonly goal: Goal;
  /** The hive file's folder. GC roots are made in `.skep/roots` there. */
  readonly directory: string;
  readonly limits: Limits;
  /** Opens the operator's Nix, once; not called when no host needs it. */
  readonly nix: () => Promise<Nix>;
  readonly native: NativeEvaluator;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What became of each host's closure, as far as it is known. */
export type PreparedHosts = Map<HostName, Prepared>;

/**
 * Makes the systems of hosts and reads their closures: for every host a closure, or why there is none. One bad host takes
 * no other with it. What `signal` cuts short is told as `rollout/interrupted`.
 * @throws NixError `nix/missing`, `nix/too-old`, when a host needs Nix.
 */
export async function prepareClosures(hosts: readonly Host[], options: PrepareOptions): Promise<PreparedHosts> {
  const { signal } = options;
  const prepared: PreparedHosts = new Map();
  const fail = (host: HostName, error: unknown): void => {
    prepared.set(host, { error: toErrorJson(signal.aborted ? interrupted() : error, host) });
  };
  const work = { ...options, prepared, fail };
  try {
    await Promise.all([prepareNixSystems(hosts, work), prepareNativeSystems(hosts, work)]);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  for (const { name } of hosts) if (!prepared.has(name)) fail(name, interrupted());
  return prepared;
}

/** What those who make the systems share: where the results go. */
export interface PrepareWork extends PrepareOptions {
  readonly prepared: PreparedHosts;
  readonly fail: (host: HostName, error: unknown) => void;
}

function interrupted(): RolloutError {
  return new RolloutError("rollout/interrupted", "the run was stopped before its system was built");
}
