import type { HostName } from "#hive";
import type { JournalHeader, RolloutEvent } from "#rollout";
import { openJournal, runsFolder } from "#rollout";

interface WriteRunOptions {
  /** The hive's. */
  readonly directory: string;
  /** What its header says otherwise. */
  readonly header?: object | undefined;
}

/** Writes the journal of a run that ann began on a laptop, in a process that is gone. */
export async function writeRun(
  run: string,
  events: readonly RolloutEvent[],
  { directory, header }: WriteRunOptions,
): Promise<void> {
  const hosts = ["web-1", "web-2", "db-1"].map((name) => ({
    name: name as HostName,
    wave: "rest",
    target: { host: name },
  }));
  const whole = {
    ...{ v: 1, run, goal: "switch", hive: "apiary", operator: "ann@laptop", startedAt: events[0]?.at, hosts },
    revision: { name: "apiary", revision: "0123456789abcdef", dirty: true },
    process: { pid: 2 ** 22 + 1, machine: "laptop", started: null },
    policy: { waves: [], maxUnavailableOf: [], maxFailures: { hosts: 0 }, order: [], onFailure: "stop" },
    ...header,
  } as unknown as JournalHeader;
  await using journal = await openJournal(runsFolder({ directory }), whole, { onTrouble: () => undefined });
  for (const event of events) journal.append(event);
}
