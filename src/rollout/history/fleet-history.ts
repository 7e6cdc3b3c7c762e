import type { DeploymentRecord, HiveRevision, HostState } from "#activation";
import type { HostName } from "#hive";
import type { JournalRead } from "../journal/read-journal.ts";
import { tookBack } from "./deployment-of.ts";

/** A run, as its journal here and the hosts' records tell of it. */
export interface RunHistory {
  readonly run: string;
  readonly goal: string;
  /** `user@machine`. */
  readonly who: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly hive: HiveRevision;
  readonly rollback: boolean;
  /** Undefined when its journal is not here: somebody else's run, or one that was forgotten. */
  readonly journal: JournalRead | undefined;
  /** Hosts that keep a record of having committed what it brought. */
  readonly committed: readonly HostName[];
}

/** The runs that journals and hosts know of, the newest first. Pure. */
export function fleetHistory(
  journals: readonly JournalRead[],
  states: ReadonlyMap<HostName, Pick<HostState, "deployments">>,
): readonly RunHistory[] {
  const runs = new Map<string, RunHistory>(journals.map((journal) => [journal.header.run, ofJournal(journal)]));
  for (const [host, { deployments }] of states) {
    for (const record of deployments) {
      const known = runs.get(record.run) ?? ofRecord(record);
      runs.set(record.run, { ...known, committed: [...known.committed, host] });
    }
  }
  return [...runs.values()].sort((one, other) => other.at - one.at);
}

function ofJournal(journal: JournalRead): RunHistory {
  const { run, goal, operator, startedAt, revision, rollback = false } = journal.header;
  return { run, goal, who: operator, at: startedAt, hive: revision, rollback, journal, committed: [] };
}

function ofRecord(record: DeploymentRecord): RunHistory {
  const { run, goal, who, at, hive } = record;
  return {
    ...{ run, goal, who, at: Date.parse(at), hive, rollback: tookBack(record) },
    ...{ journal: undefined, committed: [] },
  };
}
