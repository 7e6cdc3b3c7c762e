import type { Goal, HostName } from "#hive";
import type { StorePath } from "#store";
import { isStorePath } from "#store";
import { hostLayout } from "./host-layout.ts";

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
  /** Whether it took the host back to a system it had before. */
  readonly rollback?: true | undefined;
}

/** Shell: the files of the records, the newest first, as the host wrote them; nothing where there is none. */
export const LIST_RECORDS = `ls -1t "$root${hostLayout.records}"/*.json 2>/dev/null`;

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

/**
 * Reads a record that lies on a host; undefined when it is none. What it says was written by whoever is root there: only
 * its shape is to be relied on.
 */
export function parseRecord(text: string): DeploymentRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value.version !== 1 || !isObject(value.hive)) return undefined;
  const { run, host, goal, who, at, from, to, generation, hive } = value;
  const isRecord =
    [run, host, goal, who, at, hive.name].every((field) => typeof field === "string") &&
    !Number.isNaN(Date.parse(String(at))) &&
    isSystem(to) &&
    (from === null || isSystem(from)) &&
    (generation === null || Number.isInteger(generation)) &&
    (hive.revision === null || typeof hive.revision === "string");
  return isRecord ? (value as unknown as DeploymentRecord) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isSystem(value: unknown): boolean {
  return typeof value === "string" && isStorePath(value);
}
