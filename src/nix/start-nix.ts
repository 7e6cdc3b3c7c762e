import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { $ } from "zx";
import type { Argv, CommandExit, CommandResult } from "#core";
import { errnoOf, messageOf, quoteWord } from "#core";
import { NixError } from "./errors.ts";
import type { Nix } from "./nix.ts";
import { splitLines } from "./split-lines.ts";

/** How long a process that was asked to end may take before it is killed. */
const GRACE_MS = 3_000;
/** Lines of standard error kept for messages. */
const KEPT_LINES = 400;

/** A running program of the operator's Nix. */
export interface NixProcess {
  readonly pid: number | undefined;
  /**
   * Settles when the program ended, however it ended; `stderr` holds its last 400 lines.
   * @throws NixError `nix/missing` when it could not be started.
   */
  readonly exited: Promise<CommandResult>;
  /** Asks the program to end, and kills it when it does not. */
  readonly stop: () => void;
  /** Reads the standard output that `holdOutput` left unread. */
  readonly releaseOutput: () => void;
}

export interface StartNixOptions {
  /** The working directory. */
  readonly directory?: string | undefined;
  /** Called with each line of standard error, without escape sequences. */
  readonly onStderrLine?: ((line: string) => void) | undefined;
  /**
   * Leaves standard output unread until {@link NixProcess.releaseOutput}, so that a program with more to say than a
   * pipe holds stays alive; what it then says is thrown away.
   */
  readonly holdOutput?: boolean | undefined;
}

/** Starts a program of the operator's Nix from an argv, with no shell in between and nothing on its standard input. */
export function startNix(nix: Nix, argv: Argv, options: StartNixOptions = {}): NixProcess {
  const { directory, onStderrLine, holdOutput = false } = options;
  const [program, ...args] = argv;
  const stderr: string[] = [];
  const lines = splitLines((text) => {
    const line = stripVTControlCharacters(text);
    stderr.push(line);
    if (stderr.length > KEPT_LINES) stderr.shift();
    onStderrLine?.(line);
  });

  const running = $({
    // zx would hand one quoted string to a shell; the program gets the argv itself.
    spawn: ((_command, _args, spawnOptions) => spawn(program, args, { ...spawnOptions, shell: false })) as typeof spawn,
    quote: quoteWord,
    prefix: "",
    postfix: "",
    shell: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...nix.environment },
    nothrow: true,
    quiet: true,
    verbose: false,
    detached: false,
    preferLocal: false,
    timeout: 0,
    store: { stdout: holdOutput ? nowhere() : [], stderr: nowhere(), stdall: nowhere() },
    ...(directory === undefined ? {} : { cwd: directory }),
  })`${[...argv]}`;

  const { child } = running;
  child?.stderr?.on("data", (chunk: Buffer) => {
    lines.write(chunk);
  });
  if (holdOutput) child?.stdout?.pause();
  const releaseOutput = (): void => {
    child?.stdout?.resume();
  };

  let killing: NodeJS.Timeout | undefined;
  let stopped = false;
  let ended = false;
  child?.once("exit", () => {
    ended = true;
    clearTimeout(killing);
    releaseOutput();
    if (!stopped) return;
    // A builder that outlives Nix must not keep its streams, and so this process, open.
    child.stdout?.destroy();
    child.stderr?.destroy();
  });

  return {
    pid: child?.pid,
    exited: (async () => {
      const output = await running;
      lines.end();
      if (output.cause !== null) throw notStarted(program, output.cause);
      return { argv, exit: exitOf(output), stdout: output.stdout, stderr: stderr.join("\n") };
    })(),
    stop() {
      if (stopped || ended) return;
      stopped = true;
      child?.kill("SIGTERM");
      killing = setTimeout(() => child?.kill("SIGKILL"), GRACE_MS);
    },
    releaseOutput,
  };
}

function exitOf({ exitCode, signal }: { exitCode: number | null; signal: string | null }): CommandExit {
  return exitCode === null ? { exitCode, signal: signal ?? "unknown" } : { exitCode };
}

/** An array that stays empty: zx keeps a process's whole output, and a build may say gigabytes. */
function nowhere(): Buffer[] {
  return Object.assign([], { push: () => 0 });
}

function notStarted(program: string, cause: Error): NixError {
  if (errnoOf(cause) !== "ENOENT") {
    return new NixError("nix/failed", `could not start ${program}: ${messageOf(cause)}`, { cause });
  }
  return new NixError(
    "nix/missing",
    `could not start ${program}: it is not on PATH, or the working directory is gone`,
    {
      hint: "install Nix 2.8 or newer on this machine, or put its bin folder on PATH",
      cause,
    },
  );
}
