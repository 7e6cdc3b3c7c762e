import type { Argv, CommandResult } from "#core";
import { describeExit, formatDuration, startDeadline, succeeded } from "#core";
import { NixError } from "./errors.ts";
import type { Nix } from "./nix.ts";
import type { StartNixOptions } from "./start-nix.ts";
import { startNix } from "./start-nix.ts";

export interface RunNixOptions extends StartNixOptions {
  readonly signal?: AbortSignal | undefined;
  /** After this the program is ended. Without it only `signal` ends it. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Runs a program of the operator's Nix to its end and collects its standard output. One that fails is a result, not an
 * error. When `signal` aborts, the program is ended first.
 * @throws NixError `nix/missing`, `nix/timeout`; the signal's reason.
 */
export async function runNix(nix: Nix, argv: Argv, options: RunNixOptions = {}): Promise<CommandResult> {
  const { signal, timeoutMs } = options;
  if (timeoutMs === undefined) return runUntil(nix, argv, options, signal);
  using deadline = startDeadline(timeoutMs, {
    signal,
    reason: () =>
      new NixError("nix/timeout", `${argv[0]} did not end within ${formatDuration(timeoutMs)}`, {
        hint: "see whether another Nix process holds a lock, or the store's disk is overloaded",
      }),
  });
  return await runUntil(nix, argv, options, deadline.signal);
}

/** What `attempt` failed with, as Nix said it, when Nix said nothing we know better words for. */
export function nixFailure(attempt: string, result: CommandResult): NixError {
  const said = result.stderr.trim().split("\n").slice(-20).join("\n");
  const why = said === "" ? describeExit(result.exit) : said;
  return new NixError("nix/failed", `could not ${attempt}: ${why.replace(/^error:\s*/, "")}`);
}

async function runUntil(
  nix: Nix,
  argv: Argv,
  options: StartNixOptions,
  signal: AbortSignal | undefined,
): Promise<CommandResult> {
  signal?.throwIfAborted();
  const running = startNix(nix, argv, options);
  const stop = (): void => {
    running.stop();
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const result = await running.exited;
    if (!succeeded(result)) signal?.throwIfAborted();
    return result;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
