import type { HiveRevision } from "#activation";
import type { SkepErrorJson } from "#core";
import type { HostName, PlanGoal, RolloutPolicy } from "#hive";
import type { EtcChanges, UnitActions } from "#native";
import type { PackageChange, StorePath } from "#store";
import type { RebootPolicy } from "../reboot/reboot-deployed.ts";

/** What a deployment would change, host by host, and how it would go: JSON as it is. Made without changing anything. */
export interface FleetPlan {
  /** The version of the shape; it goes up when a reader would have to change. */
  readonly v: 1;
  readonly kind: "skep-plan";
  /** As runs are named. */
  readonly id: string;
  readonly goal: PlanGoal;
  /** The hive's name. */
  readonly hive: string;
  /** `user@machine`. */
  readonly madeBy: string;
  /** ISO 8601. */
  readonly madeAt: string;
  readonly revision: HiveRevision;
  readonly reboot: RebootPolicy;
  /** Gates that are functions are not in it. */
  readonly policy: RolloutPolicy;
  /** In the order they go. */
  readonly waves: readonly PlanWave[];
  /** In the order of their waves, and of the hive in each. */
  readonly hosts: readonly HostPlan[];
  /** What changes, the same on several hosts once. */
  readonly changes: readonly SystemChange[];
}

export interface PlanWave {
  readonly name: string;
  readonly hosts: readonly HostName[];
  readonly soakMs: number;
  readonly pauseMs: number;
  /** What has to agree before it begins. */
  readonly gate: "command" | "function" | "confirm" | null;
}

export type HostPlan = PlannedHostChange | FailedHostPlan;

/** A host that could be looked at. */
export interface PlannedHostChange extends HostPlanBase {
  readonly status: "changes" | "unchanged";
  readonly from: HostState;
  readonly to: WantedHost;
  /** Which of the plan's changes it is for; null when it is unchanged. */
  readonly change: number | null;
  /** What its store lacks. */
  readonly copy: { readonly paths: number; readonly bytes: number };
  /** Bytes of all NARs of the closure; null where it is not known, or there was none. */
  readonly closureSize: { readonly before: number | null; readonly after: number | null };
  readonly notices: readonly string[];
}

/** A host about which nothing can be said. */
export interface FailedHostPlan extends HostPlanBase {
  readonly status: "failed";
  readonly error: SkepErrorJson;
}

interface HostPlanBase {
  readonly host: HostName;
  readonly wave: string;
  readonly target: PlanTarget;
  /** Hosts that must have ended well before it begins. */
  readonly after: readonly HostName[];
}

/** The machine that is meant. */
export interface PlanTarget {
  readonly host: string;
  readonly user: string | null;
  readonly port: number | null;
  readonly root: string;
}

/** What a host ran when the plan was made. It has moved when that is not so any more. */
export interface HostState {
  readonly running: StorePath | null;
  /** The system of the profile's default generation. */
  readonly profile: StorePath | null;
  readonly generation: number | null;
  /** The id of the set of secrets in its memory. */
  readonly secrets: string;
}

/** What a host is to have. */
export interface WantedHost {
  /** Null where the goal brings secrets alone. */
  readonly toplevel: StorePath | null;
  /** SHA-256 over every path of the closure and its NAR hash. */
  readonly closure: string | null;
  /** The number that the profile's generation will have; null where none is made. */
  readonly generation: number | null;
  /** The id of the set of secrets. */
  readonly secrets: string;
}

/** What becomes of a system. */
export interface SystemChange {
  readonly packages: readonly PackageChange[];
  /** Null where it cannot be known before the system is on the host. */
  readonly units: UnitActions | null;
  /** What the host's switch-to-configuration said it would do, where it was asked. */
  readonly said: readonly string[];
  readonly hooks: { readonly before: readonly string[]; readonly after: readonly string[] };
  /** Null where the host cannot tell. */
  readonly etc: EtcChanges | null;
  readonly secrets: SecretsChange;
  /** Why the host needs a reboot; null when it does not. */
  readonly reboot: string | null;
}

/** Names of secrets, by what becomes of them. */
export interface SecretsChange {
  readonly added: readonly string[];
  /** Others, or had in another way. */
  readonly changed: readonly string[];
  /** Opened by the operator, so that only their opening tells. */
  readonly mayChange: readonly string[];
  /** Gone since a reboot, and brought again. */
  readonly broughtAgain: readonly string[];
  readonly removed: readonly string[];
}

/** What each host of a plan ran when it was made. */
export function statesOf({ hosts }: FleetPlan): ReadonlyMap<HostName, HostState> {
  return new Map(hosts.flatMap((one) => (one.status === "failed" ? [] : [[one.host, one.from] as const])));
}

/** Whether there is something to deploy, as far as that could be told. */
export function hasChanges({ hosts }: FleetPlan): boolean {
  return hosts.some(({ status }) => status === "changes");
}
