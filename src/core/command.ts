import type { Readable, Writable } from "node:stream";
import type { Argv } from "./argv.ts";

/** How a command ended: an exit code, or the signal that ended it. */
export type CommandExit =
  { readonly exitCode: number; readonly signal?: undefined } | { readonly exitCode: null; readonly signal: string };

/** A finished command. Success and failure share this shape. */
export interface CommandResult {
  readonly argv: Argv;
  readonly exit: CommandExit;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command whose three streams are in hand. */
export interface CommandChannel extends AsyncDisposable {
  readonly argv: Argv;
  /** Once a write calls back, nobody looks at its chunk again: its memory may be used for something else. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles once the command ended and its output was closed; rejects when the connection under it was lost. */
  readonly exited: Promise<CommandExit>;
}

export interface RunOptions {
  /** Written to the command's standard input, which is then closed. Without it standard input is empty. */
  readonly stdin?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** After this the command is given up; milliseconds, default 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Called with each complete line of standard output, as it comes. */
  readonly onStdoutLine?: ((line: string) => void) | undefined;
}

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Somewhere commands run: a host over SSH, as its login user or elevated. */
export interface CommandRunner {
  /**
   * Runs a command to its end and collects its output (at most 16 MiB of each stream).
   * A command that fails is a result, not an error.
   * @throws SkepError when it could not be started, the connection was lost, the deadline passed or `signal` aborted.
   */
  run(argv: Argv, options?: RunOptions): Promise<CommandResult>;
  /** Starts a command and hands over its streams. */
  open(argv: Argv, options?: OpenOptions): Promise<CommandChannel>;
}

export function succeeded(result: CommandResult): boolean {
  return result.exit.exitCode === 0;
}

/** "exit code 4" or "signal KILL", for messages. */
export function describeExit(exit: CommandExit): string {
  return exit.exitCode === null ? `signal ${exit.signal}` : `exit code ${exit.exitCode}`;
}

/** The last lines a failed command printed: standard error, or standard output where that is empty. */
export function lastLines(result: Pick<CommandResult, "stdout" | "stderr">, count = 5): string {
  const text = result.stderr.trim() === "" ? result.stdout : result.stderr;
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
