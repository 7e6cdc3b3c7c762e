import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Which process carries a run out, so that nobody else takes the run up while it does. */
export interface RunningProcess {
  readonly pid: number;
  readonly machine: string;
  /** When it was started, in words that no other process of that number has; null where the machine does not tell. */
  readonly started: string | null;
}

export function thisProcess(): RunningProcess {
  return { pid: process.pid, machine: hostname(), started: startOf(process.pid) };
}

/** Whether a process is alive on this machine; what runs on another is not seen from here. */
export function isRunning({ pid, machine, started }: RunningProcess): boolean {
  if (machine !== hostname()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process may not be asked, but is there.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return started === null || startOf(pid) === started;
}

/** The boot, and the ticks since then: a process number may be given again, this never. */
function startOf(pid: number): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in parentheses, may hold anything; what follows it are numbers.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const isZombie = fields[0] === "Z";
    return isZombie ? null : `${boot}:${fields[19] ?? ""}`;
  } catch {
    return null;
  }
}
