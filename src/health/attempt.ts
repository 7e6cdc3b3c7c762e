import type { Clock } from "#core";
import { abortable, messageOf, startDeadline } from "#core";
import type { Check } from "#hive";
import { attemptBaseline } from "./attempt-baseline.ts";
import { attemptCommand } from "./attempt-command.ts";
import { attemptCustom } from "./attempt-custom.ts";
import { attemptHttp } from "./attempt-http.ts";
import { attemptTcp } from "./attempt-tcp.ts";
import { attemptUnit } from "./attempt-unit.ts";
import type { CheckedHost } from "./checked-host.ts";
import { oneLine } from "./one-line.ts";

/** What one attempt of a check came to, and what was seen, in a few words: `200`, `connection refused`. */
export interface Answer {
  readonly passed: boolean;
  /** One line. */
  readonly seen: string;
  /** Which run of its unit a unit check saw. */
  readonly unitRun?: UnitRun | undefined;
}

/** Tells one run of a unit from the next. */
export interface UnitRun {
  /** A new one at every start. */
  readonly invocation: string;
  /** How often systemd has restarted it by itself. */
  readonly restarts: number;
}

export interface AttemptOptions {
  /** The units that were in state failed before the deployment. Default: none. */
  readonly failedBefore?: readonly string[] | undefined;
  /** What the check's timeout is counted on. Default: the real one. */
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One attempt of one check, within its timeout. What goes wrong is an answer; only the caller's signal throws. */
export async function attempt(
  check: Check,
  host: CheckedHost,
  { signal, clock, failedBefore = [] }: AttemptOptions = {},
): Promise<Answer> {
  using deadline = startDeadline(check.timeoutMs, { signal, clock, reason: () => new Error("no answer in time") });
  try {
    const answer = await abortable(attemptOf(check, host, { failedBefore, signal: deadline.signal }), deadline.signal);
    return { ...answer, seen: oneLine(answer.seen) };
  } catch (error) {
    signal?.throwIfAborted();
    return { passed: false, seen: oneLine(messageOf(deadline.signal.aborted ? deadline.signal.reason : error)) };
  }
}

async function attemptOf(
  check: Check,
  host: CheckedHost,
  { failedBefore, signal }: { readonly failedBefore: readonly string[]; readonly signal: AbortSignal },
): Promise<Answer> {
  signal.throwIfAborted();
  switch (check.kind) {
    case "http":
      return attemptHttp(check, host, signal);
    case "tcp":
      return attemptTcp(check, host, signal);
    case "unit":
      return attemptUnit(check, host, signal);
    case "command":
      return attemptCommand(check, host, signal);
    case "baseline":
      return attemptBaseline(check, host, { failedBefore, signal });
    case "custom":
      return attemptCustom(check, host, signal);
  }
}
