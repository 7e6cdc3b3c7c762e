import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeHostCgroup } from "./cgroup.ts";
import { unmountBelow } from "./disk.ts";
import { lockFile } from "./lock.ts";
import { removeNetwork } from "./network.ts";

/** Everything one fleet has put on this machine can be found from its folder: mounts below it, names in its record. */
interface RunRecord {
  /** The process the fleet belongs to. */
  readonly owner: ProcessId;
  /** Of namespaces, links, machines and control groups. */
  readonly names: readonly string[];
}

/** A process for all time: pids are used again, a pid with its start time is not. */
interface ProcessId {
  readonly pid: number;
  readonly startTime: string;
}

const RUNS = join(tmpdir(), "skep-fleet");
const RECORD = "run.json";

/** The lock under which fleets choose names and sweep. */
export async function lockRuns(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<AsyncDisposable> {
  return lockFile(join(RUNS, "lock"), options);
}

/** Makes the folder of a new run that holds `names`. The caller holds the lock. */
export async function recordRun(names: readonly string[]): Promise<string> {
  await mkdir(RUNS, { recursive: true });
  const folder = await mkdtemp(join(RUNS, "run-"));
  const startTime = await readStartTime(process.pid);
  if (startTime === undefined) throw new Error("cannot read this process's own start time");
  const record: RunRecord = { owner: { pid: process.pid, startTime }, names };
  await writeFile(join(folder, RECORD), JSON.stringify(record));
  return folder;
}

/** Ends and removes all that a run has put on this machine. What is gone already is no error. */
export async function removeRun(folder: string): Promise<void> {
  // Under the lock, or another run could take a name that is free again while our record still claims it.
  await using _lock = await lockRuns();
  await removeUnderLock(folder);
}

/** The same, for a caller that holds the lock. */
export async function removeUnderLock(folder: string): Promise<void> {
  const { names } = await readRecord(folder);
  await Promise.all(names.map((name) => removeHostCgroup(name)));
  await unmountBelow(folder);
  await Promise.all(names.map((name) => removeNetwork(name)));
  await rm(folder, { recursive: true, force: true });
}

/** Removes the runs whose owners are gone, as after a SIGKILL. */
export async function sweepStaleFleets(): Promise<void> {
  await using _lock = await lockRuns();
  await sweepUnderLock();
}

/** The same, for a caller that holds the lock. */
export async function sweepUnderLock(): Promise<void> {
  for (const entry of await readdir(RUNS).catch(() => [])) {
    if (!entry.startsWith("run-")) continue;
    const folder = join(RUNS, entry);
    if (!(await isAlive((await readRecord(folder)).owner))) await removeUnderLock(folder);
  }
}

/** A run killed before it wrote its record holds nothing yet, and nobody owns it. */
async function readRecord(folder: string): Promise<RunRecord> {
  const text = await readFile(join(folder, RECORD), "utf8").catch(() => "");
  if (text === "") return { owner: { pid: 0, startTime: "" }, names: [] };
  return JSON.parse(text) as RunRecord;
}

async function isAlive({ pid, startTime }: ProcessId): Promise<boolean> {
  return (await readStartTime(pid)) === startTime;
}

/** In clock ticks since the machine's boot: field 22 of stat, the 20th after the name in parentheses. */
async function readStartTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
