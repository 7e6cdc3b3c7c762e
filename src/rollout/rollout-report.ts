import type { SkepErrorJson } from "#core";
import type { Goal, HostName } from "#hive";
import type { StorePath } from "#store";

/** How one host ended, and how it got there. */
export type HostReport = HostHistory &
  (
    | { readonly outcome: "deployed" | "unchanged" }
    | { readonly outcome: "skipped"; readonly reason: string }
    | { readonly outcome: "failed" | "rolled-back" | "stranded"; readonly error: SkepErrorJson }
  );

/** What is known of a host's part in a run, whatever its outcome. */
export interface HostHistory {
  readonly host: HostName;
  /** What it ran before. Undefined when it was never reached, or ran nothing of ours. */
  readonly from: StorePath | undefined;
  /** What it was to run. Undefined when its system could not be made. */
  readonly to: StorePath | undefined;
  /** The number of the profile's generation that is the default now, where this run set it. */
  readonly generation: number | undefined;
  /** The generation of secrets it used before; undefined when it used none. */
  readonly secretsFrom: number | undefined;
  /** The id of their set, or `none`; undefined when that is not known. */
  readonly secretSetFrom?: string | undefined;
  /** The boot in which it used them: with the boot ends what its generations of secrets are. */
  readonly bootFrom?: string | undefined;
  readonly durationMs: number;
  /** SSH logins that were opened. */
  readonly logins: number;
  readonly copiedPaths: number;
  readonly copiedBytes: number;
  /** Things the operator should know although nothing failed. */
  readonly notices: readonly string[];
}

/** How a run ended. */
export interface RolloutReport {
  readonly run: string;
  readonly goal: Goal;
  /** Whether it took hosts back to systems they had. */
  readonly rollback?: true | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** In the order of their waves, and of the hive in each. */
  readonly hosts: readonly HostReport[];
  /** Whether the operator stopped it. */
  readonly interrupted: boolean;
}

/** Whether a host reached the goal, or had before. */
export function isAsWanted({ outcome }: Pick<HostReport, "outcome">): boolean {
  return outcome === "deployed" || outcome === "unchanged";
}

/** Whether the operator stopped a run before all of its hosts were as wanted. */
export function isUnfinished({ interrupted, hosts }: RolloutReport): boolean {
  return interrupted && !(hosts.length > 0 && hosts.every(isAsWanted));
}
