import type { Goal, HostName } from "#hive";
import type { StorePath } from "#store";

/** What a committed deployment leaves on the host, as JSON, one file a run under /var/lib/skep/deployments. */
export interface DeploymentRecord {
  readonly version: 1;
  readonly run: string;
  readonly host: HostName;
  readonly goal: Goal;
  /** `user@machine` of the operator. */
  readonly who: string;
  /** ISO 8601, by the operator's clock. */
  readonly at: string;
  readonly from: StorePath | null;
  readonly to: StorePath;
  /** The generation of the profile; the agent writes it in when it has made it. */
  readonly generation: number | null;
  readonly hive: HiveRevision;
}

/** Which version of the hive was deployed. */
export interface HiveRevision {
  readonly name: string;
  /** The git commit of the hive's folder; null outside a repository. */
  readonly revision: string | null;
  /** Whether the folder had uncommitted changes. */
  readonly dirty: boolean;
}

/** The record as the agent wants it: one line, `"generation":null` to be filled in. */
export function formatRecord(record: DeploymentRecord): string {
  return JSON.stringify(record);
}
