import type { Clock } from "#core";
import type { Host } from "#hive";
import type { NativeEvaluator } from "#native";
import type { Nix } from "#nix";
import { readClosure, readClosures } from "#nix";
import type { Closure, StorePath } from "#store";
import type { Emit } from "../host/host-log.ts";
import { HostLog } from "../host/host-log.ts";
import type { PreparedHosts } from "../prepare/prepare-closures.ts";
import { RolloutError } from "../errors.ts";
import { toErrorJson } from "../to-error-json.ts";
import { closureDigest } from "./closure-digest.ts";
import { PlanError } from "./errors.ts";
import type { FleetPlan, PlannedHostChange } from "./fleet-plan.ts";
import { keepPlanned } from "./plan-roots.ts";

export interface PreparePlannedOptions {
  readonly directory: string;
  readonly nix: () => Promise<Nix>;
  readonly native: NativeEvaluator;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * The closures that a plan names, and no others. What Nix built is read from this machine's store, without any evaluation;
 * systems written in TypeScript are made again and must come out as they did. Byte for byte the same, or an error.
 */
export async function preparePlanned(
  hosts: readonly Host[],
  plan: FleetPlan,
  options: PreparePlannedOptions,
): Promise<PreparedHosts> {
  const { native, emit, clock, signal, nix, directory } = options;
  const prepared: PreparedHosts = new Map();
  const wanted = new Map(plan.hosts.flatMap((one) => (one.status === "failed" ? [] : [[one.host, one.to] as const])));
  const built = hosts.filter(({ system }) => system.kind !== "native");
  const toplevels = built.flatMap(({ name }) => wanted.get(name)?.toplevel ?? []);
  const closures = await readBuilt(toplevels, options);
  const here = toplevels.flatMap((toplevel) => closures.get(toplevel) ?? []);
  if (here.length > 0 && !signal.aborted) await keepPlanned(plan.id, { directory, closures: here, nix, signal });
  for (const { system, ...host } of hosts) {
    const to = wanted.get(host.name);
    if (to === undefined) continue;
    try {
      signal.throwIfAborted();
      const closure =
        system.kind === "native"
          ? await new HostLog(host.name, { emit, clock }).step("evaluate", () =>
              native.evaluate({ ...host, system }, { signal }),
            )
          : to.toplevel === null
            ? undefined
            : closures.get(to.toplevel);
      prepared.set(host.name, { closure: asPlanned(closure, { to, plan }) });
    } catch (error) {
      prepared.set(host.name, { error: toErrorJson(signal.aborted ? interrupted() : error, host.name) });
    }
  }
  return prepared;
}

/** Those of some systems that are in this machine's store; none once the run was stopped. */
async function readBuilt(
  toplevels: readonly StorePath[],
  { nix, signal }: PreparePlannedOptions,
): Promise<ReadonlyMap<StorePath, Closure>> {
  if (toplevels.length === 0) return new Map();
  const store = await nix();
  try {
    return await readClosures(store, toplevels, { signal });
  } catch {
    // One that is not here fails the question for all.
    const found = new Map<StorePath, Closure>();
    for (const toplevel of new Set(toplevels)) {
      if (signal.aborted) break;
      const closure = await readClosure(store, toplevel, { signal }).catch(() => undefined);
      if (closure !== undefined) found.set(toplevel, closure);
    }
    return found;
  }
}

function interrupted(): RolloutError {
  return new RolloutError("rollout/interrupted", "the run was stopped before its system was read");
}

function asPlanned(
  closure: Closure | undefined,
  { to, plan }: { readonly to: PlannedHostChange["to"]; readonly plan: FleetPlan },
): Closure {
  const isSame = closure?.toplevel === to.toplevel;
  if (isSame && closureDigest(closure) === to.closure) return closure;
  const { revision, dirty } = plan.revision;
  const made = revision === null ? "" : ` (${revision.slice(0, 12)}${dirty ? ", changed" : ""})`;
  if (closure === undefined) {
    throw new PlanError("rollout/plan-paths", `${String(to.toplevel)} of the plan is not on this machine`, {
      hint: `deploy where the plan was made, bring it here with nix copy, or build it of the plan's revision${made}`,
    });
  }
  const what = isSame
    ? `the files of ${closure.toplevel} are not those of the plan, byte for byte`
    : `its system comes out as ${closure.toplevel}, and the plan has ${String(to.toplevel)}`;
  throw new PlanError("rollout/plan-paths", what, {
    hint: `check the plan's revision out${made}, or make a new plan`,
  });
}
