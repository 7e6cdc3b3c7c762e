import type { RestartPolicy } from "./service-settings.ts";
import type { Unit } from "./unit-files.ts";

export type ActiveState = "inactive" | "activating" | "active" | "reloading" | "deactivating" | "failed";

/** How a unit is, in systemd's words. */
export interface UnitStatus {
  readonly activeState: ActiveState;
  readonly subState: string;
  /** `success`, `exit-code`, `signal`, `timeout`, `resources`, `start-limit-hit`, `protocol`. */
  readonly result: string;
  /** 0 when no process runs. */
  readonly mainPid: number;
  /** The last main process's exit code, or the number of the signal that ended it. */
  readonly mainStatus: number;
  /** How often it was started again by itself. */
  readonly restarts: number;
  /** Milliseconds since 1970; undefined while it never was active. */
  readonly activeSince: number | undefined;
  /** 32 hex digits, others at each start; empty while it never was started. */
  readonly invocation: string;
  /** Whether its conditions let it start when it last was to; false while it never was. */
  readonly meetsConditions: boolean;
}

/** A unit that never ran. */
export const NEVER: UnitStatus = {
  activeState: "inactive",
  subState: "dead",
  result: "success",
  mainPid: 0,
  mainStatus: 0,
  restarts: 0,
  activeSince: undefined,
  invocation: "",
  meetsConditions: false,
};

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Signals by which a service may end that were meant as an end. */
const CLEAN_SIGNALS = new Set(["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"]);

/** Whether a service may end so. */
export function isSuccess({ code, signal }: Exit, unit: Unit): boolean {
  if (code === 0 || (signal !== null && CLEAN_SIGNALS.has(signal))) return true;
  const more = unit.settings.words("Service", "SuccessExitStatus");
  return more.includes(String(code)) || (signal !== null && more.includes(signal));
}

/** systemd's word for an end that is no success. */
export function resultOf(exit: Exit | "timeout"): string {
  if (exit === "timeout") return "timeout";
  return exit.signal === null ? "exit-code" : "signal";
}

/** `ExecMainStatus`. */
export function statusOf({ code, signal }: Exit): number {
  return code ?? SIGNAL_NUMBERS[signal ?? ""] ?? 0;
}

/** Those that are the same on Linux and macOS. */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
};

/** Whether a service that ended by itself is started again. */
export function restartsAfter(policy: RestartPolicy, result: string): boolean {
  switch (policy) {
    case "always":
      return true;
    case "on-success":
      return result === "success";
    case "on-failure":
      return result !== "success";
    case "on-abnormal":
      return result === "signal" || result === "timeout";
    case "on-abort":
      return result === "signal";
    case "no":
    default:
      return false;
  }
}
