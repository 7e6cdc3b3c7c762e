import type { CommandRunner } from "#core";
import { messageOf, startDeadline } from "#core";
import type { Check } from "#hive";
import { attemptCommand } from "./attempt-command.ts";
import { attemptHttp } from "./attempt-http.ts";
import { attemptTcp } from "./attempt-tcp.ts";
import { attemptUnit } from "./attempt-unit.ts";
import type { Duplex } from "node:stream";

/** What one attempt of a check came to, and what was seen, in a few words: `200`, `connection refused`. */
export interface Answer {
  readonly passed: boolean;
  readonly seen: string;
}

/** The host that is checked, as the checks reach it. */
export interface CheckedHost {
  readonly name: string;
  /** The address SSH connected to. */
  readonly address: string;
  /** Runs commands on the host as root. */
  readonly runner: CommandRunner;
  /** Opens a TCP connection that starts on the host. */
  readonly forward: (
    destination: { readonly host: string; readonly port: number },
    options: { readonly signal: AbortSignal },
  ) => Promise<Duplex>;
}

/** One attempt of one check, within its timeout. What goes wrong is an answer; only the caller's signal throws. */
export async function attempt(
  check: Check,
  host: CheckedHost,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Answer> {
  using deadline = startDeadline(check.timeoutMs, { signal, reason: () => new Error("no answer in time") });
  try {
    return await attemptOf(check, host, deadline.signal);
  } catch (error) {
    signal?.throwIfAborted();
    return { passed: false, seen: messageOf(deadline.signal.aborted ? deadline.signal.reason : error) };
  }
}

function attemptOf(check: Check, host: CheckedHost, signal: AbortSignal): Promise<Answer> {
  switch (check.kind) {
    case "http":
      return attemptHttp(check, host, signal);
    case "tcp":
      return attemptTcp(check, host, signal);
    case "unit":
      return attemptUnit(check, host, signal);
    case "command":
      return attemptCommand(check, host, signal);
  }
}
