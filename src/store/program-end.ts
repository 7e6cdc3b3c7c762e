import type { CommandExit } from "#core";
import type { StoreError } from "./errors.ts";

/** What a program on a host left behind that was to do something, and ended or was lost. */
export interface ProgramEnd {
  /** What was being done: "adding /nix/store/…". */
  readonly attempt: string;
  /** How the program ended, if it did. */
  readonly exit?: CommandExit | undefined;
  /** The end of what it printed on standard error. */
  readonly stderr: string;
  readonly cause?: unknown;
}

/** What words on standard error mean, and what the operator can do about it. */
export interface Diagnosis {
  readonly code: StoreError["code"];
  readonly pattern: RegExp;
  readonly hint: string;
}

/** The lines that say something. */
export function linesOf(stderr: string): readonly string[] {
  return stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
