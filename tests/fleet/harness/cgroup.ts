import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { waitUntil } from "./wait.ts";

const MOUNT = "/sys/fs/cgroup";
const GONE_TIMEOUT_MS = 10_000;

/** Whether this machine has the one hierarchy of cgroup v2, rather than v1 with systemd's own beside it. */
export function hasUnifiedCgroups(): boolean {
  return existsSync(join(MOUNT, "cgroup.controllers"));
}

/**
 * Makes a control group for one host and names its folders. Without one of their own, hosts booted by nspawn under
 * no service manager share one group, and every systemd in it sees the units of all the others.
 */
export async function makeHostCgroup(name: string): Promise<readonly string[]> {
  const groups = hierarchies().map((hierarchy) => join(hierarchy, name));
  for (const group of groups) await mkdir(group, { recursive: true });
  return groups;
}

/** Ends every process in a host's control group, by its pid, and removes the group. */
export async function removeHostCgroup(name: string): Promise<void> {
  const groups = hierarchies().map((hierarchy) => join(hierarchy, name));
  for (const group of groups) {
    await waitUntil(() => emptyGroup(group), {
      timeoutMs: GONE_TIMEOUT_MS,
      everyMs: 20,
      what: `the processes of ${name} to end`,
    });
  }
}

function hierarchies(): readonly string[] {
  if (hasUnifiedCgroups()) return [MOUNT];
  return [join(MOUNT, "systemd"), join(MOUNT, "unified")].filter((folder) => existsSync(folder));
}

/** One try at it: true once the group is gone. */
async function emptyGroup(group: string): Promise<boolean> {
  if (!existsSync(group)) return true;
  let empty = true;
  for (const entry of await readdir(group, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) empty = (await emptyGroup(join(group, entry.name))) && empty;
  }
  for (const pid of await readPids(group)) {
    empty = false;
    kill(pid);
  }
  return (
    empty &&
    (await rmdir(group).then(
      () => true,
      () => false,
    ))
  );
}

async function readPids(group: string): Promise<readonly number[]> {
  const text = await readFile(join(group, "cgroup.procs"), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [Number(line)]));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in between.
  }
}
