import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "#core";
import type { ServicePlace, UnitCommand } from "./service-settings.ts";
import type { Exit } from "./service-status.ts";

/** A process of a service, in a group of its own. */
export interface ServiceProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
}

/** What a process is started with. */
export interface Surroundings {
  readonly environment: Record<string, string>;
  readonly cwd: string;
}

/** A program that cannot be run at all; systemd's own status for it. */
export const EXIT_EXEC = 203;

/** Starts a command of a service, which prints into the service's log. @returns undefined when it cannot be run. */
export async function startProcess(
  { argv }: UnitCommand,
  { name, place, environment, cwd }: Surroundings & { readonly name: string; readonly place: ServicePlace },
): Promise<ServiceProcess | undefined> {
  const [program, ...args] = argv;
  const refuse = (error: unknown): Promise<void> =>
    noteInLog(`cannot run ${program}: ${messageOf(error)}`, { name, place });
  place.over.throwIfAborted();
  await mkdir(join(place.root, "var/log"), { recursive: true });
  place.over.throwIfAborted();
  const log = openSync(logFile(name, place), "a");
  try {
    const child = spawn(program, args, { cwd, env: environment, detached: true, stdio: ["ignore", log, log] });
    const exited = new Promise<Exit>((resolve) => {
      child.once("exit", (code, signal) => {
        resolve({ code, signal });
      });
      child.once("error", (error) => {
        void refuse(error);
        resolve({ code: EXIT_EXEC, signal: null });
      });
    });
    child.unref();
    return child.pid === undefined ? undefined : { pid: child.pid, exited };
  } catch (error) {
    await refuse(error);
    return undefined;
  } finally {
    closeSync(log);
  }
}

/** Adds a line of the sandbox's own to a service's log. */
export async function noteInLog(
  text: string,
  { name, place }: { readonly name: string; readonly place: ServicePlace },
): Promise<void> {
  if (place.over.aborted) return;
  await mkdir(join(place.root, "var/log"), { recursive: true });
  await appendFile(logFile(name, place), `skep sandbox: ${name}: ${text}\n`);
}

/** Sends a signal to a process and all that it started and that did not leave its group. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}

/** What work gives, or `"timeout"` when it takes longer; it goes on then. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T | "timeout"> {
  if (ms > 2 ** 31 - 1) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"timeout">((resolve) => {
    timer = setTimeout(resolve, ms, "timeout");
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function logFile(name: string, { root }: ServicePlace): string {
  return join(root, "var/log", `${name}.log`);
}
