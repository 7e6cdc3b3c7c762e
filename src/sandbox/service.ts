import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "#core";
import {
  readCommands,
  readEnvironment,
  readStartTimeout,
  readStopTimeout,
  readTimeSpan,
  readWorkingDirectory,
} from "./service-settings.ts";
import type { RestartPolicy, ServicePlace, UnitCommand } from "./service-settings.ts";
import { isSuccess, NEVER, restartsAfter, resultOf, statusOf } from "./service-status.ts";
import type { Exit, UnitStatus } from "./service-status.ts";
import type { Unit } from "./unit-files.ts";

/** One service: its processes, and what is done when they end. */
export interface Service {
  readonly status: UnitStatus;
  /** Settles once it is started, as its `Type=` has it. @returns whether it is. */
  start(unit: Unit): Promise<boolean>;
  stop(): Promise<void>;
  /** @returns whether `ExecReload=` succeeded. */
  reload(unit: Unit): Promise<boolean>;
  kill(signal: NodeJS.Signals): void;
  /** Forgets a failure. */
  reset(): void;
}

interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<Exit>;
}

/** A program that cannot be run at all; systemd's own status for it. */
const EXIT_EXEC = 203;

export function createService(name: string, place: ServicePlace): Service {
  let status = NEVER;
  let unit: Unit | undefined;
  let main: Started | undefined;
  let isStopping = false;
  let restartTimer: NodeJS.Timeout | undefined;
  let starts: number[] = [];
  /** Starts and stops of one service happen one after the other. */
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work);
    queue = done.catch(() => undefined);
    return done;
  };
  const set = (change: Partial<UnitStatus>): void => {
    status = { ...status, ...change };
  };
  const note = async (text: string): Promise<void> => {
    if (place.over.aborted) return;
    const folder = join(place.root, "var/log");
    await mkdir(folder, { recursive: true });
    await appendFile(join(folder, `${name}.log`), `skep sandbox: ${name}: ${text}\n`);
  };

  const run = async (
    { argv }: UnitCommand,
    { environment, cwd }: { readonly environment: Record<string, string>; readonly cwd: string },
  ): Promise<Started | undefined> => {
    const [program, ...args] = argv;
    place.over.throwIfAborted();
    await mkdir(join(place.root, "var/log"), { recursive: true });
    place.over.throwIfAborted();
    const log = openSync(join(place.root, "var/log", `${name}.log`), "a");
    try {
      const child = spawn(program, args, { cwd, env: environment, detached: true, stdio: ["ignore", log, log] });
      const exited = new Promise<Exit>((resolve) => {
        child.once("exit", (code, signal) => {
          resolve({ code, signal });
        });
        child.once("error", (error) => {
          void note(`cannot run ${program}: ${messageOf(error)}`);
          resolve({ code: EXIT_EXEC, signal: null });
        });
      });
      child.unref();
      return child.pid === undefined ? undefined : { child, pid: child.pid, exited };
    } catch (error) {
      await note(`cannot run ${program}: ${messageOf(error)}`);
      return undefined;
    } finally {
      closeSync(log);
    }
  };

  /** Runs commands one after the other; the first that fails, if it matters, is how they ended. */
  const runAll = async (key: string, from: Unit, extra: Record<string, string> = {}): Promise<Exit | "timeout"> => {
    const environment = { ...(await environmentOf(from)), ...extra };
    const cwd = await readWorkingDirectory(from, place);
    const timeoutMs = key.startsWith("ExecStop") ? readStopTimeout(from) : readStartTimeout(from);
    for (const command of await readCommands(from, key, { place, environment })) {
      const started = await run(command, { environment, cwd });
      if (key === "ExecStart" && started !== undefined) set({ mainPid: started.pid });
      const exit = started === undefined ? { code: EXIT_EXEC, signal: null } : await within(started.exited, timeoutMs);
      if (started !== undefined) endGroup(started.pid, "SIGKILL");
      if (key === "ExecStart") set({ mainPid: 0, mainStatus: exit === "timeout" ? 9 : statusOf(exit) });
      if (exit === "timeout" || (!isSuccess(exit, from) && !command.mayFail)) return exit;
    }
    return { code: 0, signal: null };
  };

  const environmentOf = async (from: Unit): Promise<Record<string, string>> => {
    const environment = await readEnvironment(from, place);
    environment.INVOCATION_ID = status.invocation;
    for (const [key, folder, variable] of [
      ["StateDirectory", "var/lib", "STATE_DIRECTORY"],
      ["RuntimeDirectory", "run", "RUNTIME_DIRECTORY"],
      ["LogsDirectory", "var/log", "LOGS_DIRECTORY"],
    ] as const) {
      const paths = from.settings.words("Service", key).map((path) => join(place.root, folder, path));
      for (const path of paths) await mkdir(path, { recursive: true });
      if (paths.length > 0) environment[variable] = paths.join(":");
    }
    return environment;
  };

  const fail = async (result: string, from: Unit): Promise<false> => {
    await runAll("ExecStopPost", from).catch(() => undefined);
    set({ activeState: "failed", subState: "failed", result, mainPid: 0 });
    planRestart(from, result);
    return false;
  };

  const startNow = async (from: Unit): Promise<boolean> => {
    clearTimeout(restartTimer);
    if (status.activeState === "active") return true;
    unit = from;
    isStopping = false;
    if (isOverStartLimit(from)) {
      set({ activeState: "failed", subState: "failed", result: "start-limit-hit" });
      return false;
    }
    set({
      activeState: "activating",
      subState: "start",
      result: "success",
      invocation: randomBytes(16).toString("hex"),
    });
    try {
      const type = from.settings.get("Service", "Type") ?? (hasCommands(from, "ExecStart") ? "simple" : "oneshot");
      if (type === "forking" || type === "dbus") {
        await note(`Type=${type} is not for sandbox hosts`);
        return await fail("protocol", from);
      }
      const before = await runAll("ExecStartPre", from);
      if (before === "timeout" || !isSuccess(before, from)) return await fail(resultOf(before), from);
      if (type === "oneshot") {
        const exit = await runAll("ExecStart", from);
        if (exit === "timeout" || !isSuccess(exit, from)) return await fail(resultOf(exit), from);
      } else if (!(await startMain(from))) return await fail("exit-code", from);
      const after = await runAll("ExecStartPost", from, main === undefined ? {} : { MAINPID: String(main.pid) });
      if (after === "timeout" || !isSuccess(after, from)) {
        await stopMain(from);
        return await fail(resultOf(after), from);
      }
      settleStarted(from, type);
      return true;
    } catch (error) {
      await note(messageOf(error));
      return await fail("resources", from);
    }
  };

  const settleStarted = (from: Unit, type: string): void => {
    const activeSince = Date.now();
    if (type === "oneshot") {
      const remains = isYes(from.settings.get("Service", "RemainAfterExit"));
      if (remains) set({ activeState: "active", subState: "exited", activeSince });
      else set({ activeState: "inactive", subState: "dead" });
    } else if (main !== undefined) set({ activeState: "active", subState: "running", activeSince });
  };

  const startMain = async (from: Unit): Promise<boolean> => {
    const environment = await environmentOf(from);
    const cwd = await readWorkingDirectory(from, place);
    const [command] = await readCommands(from, "ExecStart", { place, environment });
    if (command === undefined) return false;
    const started = await run(command, { environment, cwd });
    if (started === undefined) {
      set({ mainStatus: EXIT_EXEC });
      return false;
    }
    main = started;
    set({ mainPid: started.pid });
    void started.exited.then(async (exit) => {
      if (main !== started) return;
      main = undefined;
      endGroup(started.pid, "SIGKILL");
      set({ mainPid: 0, mainStatus: statusOf(exit) });
      if (!isStopping && !place.over.aborted) await inTurn(() => mainEnded(exit, from));
    });
    return true;
  };

  const mainEnded = async (exit: Exit, from: Unit): Promise<void> => {
    // A stop or a start that was asked for first has dealt with it.
    if (isStopping || main !== undefined || unit !== from || status.activeState === "failed") return;
    if (!isSuccess(exit, from)) {
      await fail(resultOf(exit), from);
      return;
    }
    await runAll("ExecStopPost", from).catch(() => undefined);
    const remains = isYes(from.settings.get("Service", "RemainAfterExit"));
    set(remains ? { subState: "exited" } : { activeState: "inactive", subState: "dead" });
    planRestart(from, "success");
  };

  const planRestart = (from: Unit, result: string): void => {
    const policy = (from.settings.get("Service", "Restart") ?? "no") as RestartPolicy;
    if (isStopping || place.over.aborted || !restartsAfter(policy, result)) return;
    set({ activeState: "activating", subState: "auto-restart", result });
    restartTimer = setTimeout(
      () => {
        void inTurn(async () => {
          if (isStopping || place.over.aborted || status.subState !== "auto-restart") return;
          set({ restarts: status.restarts + 1 });
          await startNow(from);
        });
      },
      Math.min(readTimeSpan(from, "RestartSec", 100), 2 ** 31 - 1),
    );
    restartTimer.unref();
  };

  /** systemd's own limit unless the unit has another: five starts in ten seconds. */
  const isOverStartLimit = (from: Unit): boolean => {
    const burst = Number(from.settings.get("Unit", "StartLimitBurst") ?? 5);
    const interval = from.settings.get("Unit", "StartLimitIntervalSec");
    const intervalMs = interval === undefined ? 10_000 : Number.parseFloat(interval) * 1_000;
    const now = performance.now();
    starts = [...starts.filter((at) => now - at < intervalMs), now];
    return burst > 0 && starts.length > burst;
  };

  const stopMain = async (from: Unit): Promise<boolean> => {
    const running = main;
    if (running === undefined) return true;
    const signal = (from.settings.get("Service", "KillSignal") ?? "SIGTERM") as NodeJS.Signals;
    endGroup(running.pid, signal);
    const inTime = (await within(running.exited, readStopTimeout(from))) !== "timeout";
    endGroup(running.pid, "SIGKILL");
    await running.exited;
    if (main === running) main = undefined;
    set({ mainPid: 0 });
    return inTime;
  };

  const stopNow = async (): Promise<void> => {
    clearTimeout(restartTimer);
    if (unit === undefined || (main === undefined && status.activeState !== "active")) {
      if (status.activeState !== "failed") set({ activeState: "inactive", subState: "dead" });
      return;
    }
    set({ activeState: "deactivating", subState: "stop" });
    await runAll("ExecStop", unit, main === undefined ? {} : { MAINPID: String(main.pid) }).catch(() => undefined);
    set({ subState: "stop-sigterm" });
    const inTime = await stopMain(unit);
    await runAll("ExecStopPost", unit).catch(() => undefined);
    if (inTime) set({ activeState: "inactive", subState: "dead", result: "success" });
    else set({ activeState: "failed", subState: "failed", result: "timeout" });
  };

  return {
    get status() {
      return status;
    },
    start: (from) =>
      inTurn(() => {
        set({ restarts: 0 });
        return startNow(from);
      }),
    async stop() {
      // Said at once, so that what ends meanwhile is not started again.
      isStopping = true;
      clearTimeout(restartTimer);
      await inTurn(async () => {
        isStopping = true;
        await stopNow();
      });
    },
    reload: (from) =>
      inTurn(async () => {
        if (status.activeState !== "active" || !hasCommands(from, "ExecReload")) return false;
        set({ activeState: "reloading", subState: "reload" });
        const exit = await runAll("ExecReload", from, main === undefined ? {} : { MAINPID: String(main.pid) });
        if (status.subState === "reload")
          set({ activeState: "active", subState: main === undefined ? "exited" : "running" });
        return exit !== "timeout" && isSuccess(exit, from);
      }),
    kill(signal) {
      if (main !== undefined) endGroup(main.pid, signal);
    },
    reset() {
      starts = [];
      if (status.activeState === "failed") set({ activeState: "inactive", subState: "dead", result: "success" });
      set({ restarts: 0 });
    },
  };
}

function hasCommands(unit: Unit, key: string): boolean {
  return unit.settings.all("Service", key).length > 0;
}

function isYes(text: string | undefined): boolean {
  return /^(yes|true|on|1)$/.test(text ?? "");
}

function endGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T | "timeout"> {
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
