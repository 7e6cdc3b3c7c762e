import type { Hive } from "#hive";
import type { Emit } from "../host/host-log.ts";
import type { FleetPlan } from "../plan/fleet-plan.ts";
import type { PreparedRun } from "../prepare/prepare-run.ts";
import type { ChangeTeller } from "./change-teller.ts";
import { createChangeTeller } from "./change-teller.ts";
import { knownSystems } from "./known-systems.ts";
import { rememberedSystems } from "./remembered-systems.ts";

/** Tells what changes on the hosts of a run that was prepared: from its plan, else by comparing systems that are known here. */
export function tellChanges(
  { plan, manifestOf, nix }: Pick<PreparedRun, "plan" | "manifestOf" | "nix">,
  {
    hive,
    keep,
    saved,
    emit,
    signal,
  }: {
    readonly hive: Pick<Hive, "directory">;
    /** Whether to keep what hosts get in mind, in the hive's folder. */
    readonly keep: boolean;
    readonly saved?: FleetPlan | undefined;
    readonly emit: Emit;
    readonly signal: AbortSignal;
  },
): ChangeTeller {
  const wanted = plan.waves.flatMap(({ hosts }) => hosts.flatMap((one) => ("closure" in one ? [one.closure] : [])));
  const remembered = keep ? rememberedSystems(hive.directory) : undefined;
  const systems = knownSystems({ wanted, manifestOf, remembered, nix, signal });
  return createChangeTeller({ goal: plan.run.goal, saved, systems, manifestOf, remembered, emit });
}
