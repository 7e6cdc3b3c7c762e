import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Surroundings } from "./service-process.ts";
import { EXIT_EXEC, signalGroup, startProcess, within } from "./service-process.ts";
import type { ServicePlace } from "./service-settings.ts";
import {
  readCommands,
  readEnvironment,
  readStartTimeout,
  readStopTimeout,
  readWorkingDirectory,
} from "./service-settings.ts";
import type { Exit } from "./service-status.ts";
import { isSuccess } from "./service-status.ts";
import type { Unit } from "./unit-files.ts";

export interface RunCommandsOptions {
  readonly place: ServicePlace;
  readonly surroundings: Surroundings;
  readonly onStart?: ((pid: number) => void) | undefined;
  readonly onExit?: ((exit: Exit | "timeout") => void) | undefined;
}

/** Runs what `ExecStart=` or a sibling says, one after the other; the first that fails, if it matters, is how it ended. */
export async function runCommands(
  unit: Unit,
  key: string,
  { place, surroundings, onStart, onExit }: RunCommandsOptions,
): Promise<Exit | "timeout"> {
  const timeoutMs = key.startsWith("ExecStop") ? readStopTimeout(unit) : readStartTimeout(unit);
  for (const command of await readCommands(unit, key, { place, environment: surroundings.environment })) {
    const started = await startProcess(command, { ...surroundings, name: unit.name, place });
    let exit: Exit | "timeout" = { code: EXIT_EXEC, signal: null };
    if (started !== undefined) {
      onStart?.(started.pid);
      exit = await within(started.exited, timeoutMs);
      signalGroup(started.pid, "SIGKILL");
    }
    onExit?.(exit);
    if (exit === "timeout" || (!isSuccess(exit, unit) && !command.mayFail)) return exit;
  }
  return { code: 0, signal: null };
}

/** The folders that systemd makes for a service and tells it of. */
const OWN_FOLDERS = [
  ["StateDirectory", "var/lib", "STATE_DIRECTORY"],
  ["RuntimeDirectory", "run", "RUNTIME_DIRECTORY"],
  ["LogsDirectory", "var/log", "LOGS_DIRECTORY"],
] as const;

/** What the processes of one invocation of a service are started with; makes the service's own folders. */
export async function prepareSurroundings(
  unit: Unit,
  { place, invocation }: { readonly place: ServicePlace; readonly invocation: string },
): Promise<Surroundings> {
  const environment = await readEnvironment(unit, place);
  environment.INVOCATION_ID = invocation;
  for (const [key, folder, variable] of OWN_FOLDERS) {
    const paths = unit.settings.words("Service", key).map((path) => join(place.root, folder, path));
    for (const path of paths) await mkdir(path, { recursive: true });
    if (paths.length > 0) environment[variable] = paths.join(":");
  }
  return { environment, cwd: await readWorkingDirectory(unit, place) };
}
