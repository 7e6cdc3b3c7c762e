import { randomBytes } from "node:crypto";
import { messageOf } from "#core";
import { prepareSurroundings, runCommands } from "./run-commands.ts";
import type { ServiceProcess } from "./service-process.ts";
import { EXIT_EXEC, noteInLog, signalGroup, startProcess, within } from "./service-process.ts";
import type { RestartPolicy, ServicePlace } from "./service-settings.ts";
import { readCommands, readStopTimeout, readTimeSpan } from "./service-settings.ts";
import type { Exit, UnitStatus } from "./service-status.ts";
import { isSuccess, NEVER, restartsAfter, resultOf, statusOf } from "./service-status.ts";
import { createStartLimit } from "./start-limit.ts";
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

export function createService(name: string, place: ServicePlace): Service {
  const limit = createStartLimit();
  let status = NEVER;
  let unit: Unit | undefined;
  let main: ServiceProcess | undefined;
  let isStopping = false;
  let restartTimer: NodeJS.Timeout | undefined;
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
  const note = (text: string): Promise<void> => noteInLog(text, { name, place });

  const runAll = async (from: Unit, key: string): Promise<Exit | "timeout"> => {
    const { environment, cwd } = await prepareSurroundings(from, { place, invocation: status.invocation });
    if (main !== undefined) environment.MAINPID = String(main.pid);
    const isMain = key === "ExecStart";
    return runCommands(from, key, {
      place,
      surroundings: { environment, cwd },
      onStart: (pid) => {
        if (isMain) set({ mainPid: pid });
      },
      onExit: (exit) => {
        if (isMain) set({ mainPid: 0, mainStatus: exit === "timeout" ? 9 : statusOf(exit) });
      },
    });
  };

  const fail = async (result: string, from: Unit): Promise<false> => {
    await runAll(from, "ExecStopPost").catch(() => undefined);
    set({ activeState: "failed", subState: "failed", result, mainPid: 0 });
    planRestart(from, result);
    return false;
  };

  const startNow = async (from: Unit): Promise<boolean> => {
    clearTimeout(restartTimer);
    if (status.activeState === "active") return true;
    unit = from;
    isStopping = false;
    if (limit.exceededBy(from)) {
      set({ activeState: "failed", subState: "failed", result: "start-limit-hit" });
      return false;
    }
    const invocation = randomBytes(16).toString("hex");
    set({ activeState: "activating", subState: "start", result: "success", invocation });
    try {
      const type = from.settings.get("Service", "Type") ?? (hasCommands(from, "ExecStart") ? "simple" : "oneshot");
      if (type === "forking" || type === "dbus") {
        await note(`Type=${type} is not for sandbox hosts`);
        return await fail("protocol", from);
      }
      const before = await runAll(from, "ExecStartPre");
      if (before === "timeout" || !isSuccess(before, from)) return await fail(resultOf(before), from);
      if (type === "oneshot") {
        const exit = await runAll(from, "ExecStart");
        if (exit === "timeout" || !isSuccess(exit, from)) return await fail(resultOf(exit), from);
      } else if (!(await startMain(from))) return await fail("exit-code", from);
      const after = await runAll(from, "ExecStartPost");
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
      if (remainsAfterExit(from)) set({ activeState: "active", subState: "exited", activeSince });
      else set({ activeState: "inactive", subState: "dead" });
    } else if (main !== undefined) set({ activeState: "active", subState: "running", activeSince });
  };

  const startMain = async (from: Unit): Promise<boolean> => {
    const { environment, cwd } = await prepareSurroundings(from, { place, invocation: status.invocation });
    const [command] = await readCommands(from, "ExecStart", { place, environment });
    if (command === undefined) return false;
    const started = await startProcess(command, { environment, cwd, name, place });
    if (started === undefined) {
      set({ mainStatus: EXIT_EXEC });
      return false;
    }
    main = started;
    set({ mainPid: started.pid });
    void started.exited.then(async (exit) => {
      if (main !== started) return;
      main = undefined;
      signalGroup(started.pid, "SIGKILL");
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
    await runAll(from, "ExecStopPost").catch(() => undefined);
    set(remainsAfterExit(from) ? { subState: "exited" } : { activeState: "inactive", subState: "dead" });
    planRestart(from, "success");
  };

  const planRestart = (from: Unit, result: string): void => {
    const policy = (from.settings.get("Service", "Restart") ?? "no") as RestartPolicy;
    if (isStopping || place.over.aborted || !restartsAfter(policy, result)) return;
    set({ activeState: "activating", subState: "auto-restart", result });
    const restart = async (): Promise<void> => {
      if (isStopping || place.over.aborted || status.subState !== "auto-restart") return;
      set({ restarts: status.restarts + 1 });
      await startNow(from);
    };
    restartTimer = setTimeout(() => void inTurn(restart), Math.min(readTimeSpan(from, "RestartSec", 100), 2 ** 31 - 1));
    restartTimer.unref();
  };

  const stopMain = async (from: Unit): Promise<boolean> => {
    const running = main;
    if (running === undefined) return true;
    const signal = (from.settings.get("Service", "KillSignal") ?? "SIGTERM") as NodeJS.Signals;
    signalGroup(running.pid, signal);
    const inTime = (await within(running.exited, readStopTimeout(from))) !== "timeout";
    signalGroup(running.pid, "SIGKILL");
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
    await runAll(unit, "ExecStop").catch(() => undefined);
    set({ subState: "stop-sigterm" });
    const inTime = await stopMain(unit);
    await runAll(unit, "ExecStopPost").catch(() => undefined);
    if (inTime) set({ activeState: "inactive", subState: "dead", result: "success" });
    else set({ activeState: "failed", subState: "failed", result: "timeout" });
  };

  const reloadNow = async (from: Unit): Promise<boolean> => {
    if (status.activeState !== "active" || !hasCommands(from, "ExecReload")) return false;
    set({ activeState: "reloading", subState: "reload" });
    const exit = await runAll(from, "ExecReload");
    if (status.subState === "reload") {
      set({ activeState: "active", subState: main === undefined ? "exited" : "running" });
    }
    return exit !== "timeout" && isSuccess(exit, from);
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
    reload: (from) => inTurn(() => reloadNow(from)),
    kill(signal) {
      if (main !== undefined) signalGroup(main.pid, signal);
    },
    reset() {
      limit.reset();
      if (status.activeState === "failed") set({ activeState: "inactive", subState: "dead", result: "success" });
      set({ restarts: 0 });
    },
  };
}

function hasCommands(unit: Unit, key: string): boolean {
  return unit.settings.all("Service", key).length > 0;
}

function remainsAfterExit(unit: Unit): boolean {
  return /^(yes|true|on|1)$/.test(unit.settings.get("Service", "RemainAfterExit") ?? "");
}
