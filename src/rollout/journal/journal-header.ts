import type { HiveRevision } from "#activation";
import type { Goal, HostName, RolloutPolicy, Target } from "#hive";
import type { StorePath } from "#store";
import type { RebootPolicy } from "../reboot/reboot-deployed.ts";
import type { PlannedHost, ReturnTarget, RolloutPlan } from "../rollout-plan.ts";
import type { RunningProcess } from "./running-process.ts";
import { thisProcess } from "./running-process.ts";

/** The first line of a journal: what the run was going to do, as far as resuming it needs to know. */
export interface JournalHeader {
  /** The version of the journal's shape; it goes up when a reader would have to change. */
  readonly v: 1;
  readonly run: string;
  readonly goal: Goal;
  /** The hive's name. */
  readonly hive: string;
  /** `user@machine`. */
  readonly operator: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly revision: HiveRevision;
  /** Default: never. */
  readonly reboot?: RebootPolicy | undefined;
  /** In the order of their waves. */
  readonly hosts: readonly JournalHost[];
  /** What was asked of waves, budgets and order. Gates that are functions are not in it. */
  readonly policy: RolloutPolicy;
  readonly process: RunningProcess;
  /** Whether it takes hosts back to systems they had. */
  readonly rollback?: true | undefined;
}

/** A host of a run. */
export interface JournalHost {
  readonly name: HostName;
  readonly wave: string;
  readonly target: Target;
  /** What it was to run; undefined where the run brings secrets alone, or its system could not be made. */
  readonly toplevel?: StorePath | undefined;
  /** Where it was to go back to, in a run that takes hosts back. */
  readonly back?: ReturnTarget | undefined;
}

/** The header of a plan's journal. */
export function journalHeader(
  { run, waves }: RolloutPlan,
  { hive, policy }: { readonly hive: string; readonly policy: RolloutPolicy },
): JournalHeader {
  return {
    v: 1,
    run: run.id,
    goal: run.goal,
    hive,
    operator: run.operator,
    startedAt: run.startedAt,
    revision: run.revision,
    reboot: run.reboot,
    hosts: waves.flatMap(({ name: wave, hosts }) =>
      hosts.map((planned) => ({
        name: planned.host.name,
        wave,
        target: planned.host.target,
        toplevel: toplevelOf(planned),
        back: "back" in planned ? planned.back : undefined,
      })),
    ),
    policy,
    process: thisProcess(),
    rollback: run.rollback,
  };
}

function toplevelOf(planned: PlannedHost): StorePath | undefined {
  if ("back" in planned) return planned.back.toplevel;
  return "closure" in planned ? planned.closure.toplevel : undefined;
}
