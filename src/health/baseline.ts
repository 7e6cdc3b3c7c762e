import type { Clock } from "#core";
import { messageOf } from "#core";
import type { Check } from "#hive";
import type { Answer } from "./attempt.ts";
import { attempt } from "./attempt.ts";
import type { CheckedHost } from "./checked-host.ts";
import { readFailedUnits } from "./failed-units.ts";
import { oneLine } from "./one-line.ts";

/** How a host was before anything was changed on it. Plain data: it survives JSON. */
export interface Baseline {
  /** The units in state failed, sorted; undefined when the host could not tell. */
  readonly failedUnits: readonly string[] | undefined;
  /** What each check said, by the check's name. */
  readonly answers: readonly BaselineAnswer[];
}

export interface BaselineAnswer {
  readonly check: string;
  readonly passed: boolean;
  readonly seen: string;
}

export interface TakeBaselineOptions {
  readonly host: CheckedHost;
  /** What the checks' timeouts are counted on. Default: the real one. */
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One attempt of each check, all at the same time, and the units that have failed: to be taken before the activation.
 * What goes wrong is in the answers; only `signal` throws.
 */
export async function takeBaseline(
  checks: readonly Check[],
  { host, clock, signal }: TakeBaselineOptions,
): Promise<Baseline> {
  if (checks.length === 0) return { failedUnits: [], answers: [] };
  const failed = readFailed(host, signal);
  // When an attempt throws first, nobody waits for this any more.
  failed.catch(() => undefined);
  const answers = await Promise.all(
    checks.map(async (check) => {
      // Its own answer is the list itself.
      const answer = check.kind === "baseline" ? (await failed).answer : await attempt(check, host, { signal, clock });
      return { check: check.name, passed: answer.passed, seen: answer.seen };
    }),
  );
  return { failedUnits: (await failed).units, answers };
}

/** Those of the checks that passed when the baseline was taken: after going back they must pass again. */
export function passedBefore(checks: readonly Check[], baseline: Baseline): readonly Check[] {
  return checks.filter((check) => answerBefore(check, baseline)?.passed);
}

/** What a check said when the baseline was taken. */
export function answerBefore(check: Check, { answers }: Baseline): BaselineAnswer | undefined {
  return answers.find(({ check: name }) => name === check.name);
}

/**
 * One attempt of each check, all at the same time.
 * @returns the checks that pass now.
 */
export async function passingNow(checks: readonly Check[], options: TakeBaselineOptions): Promise<readonly Check[]> {
  return passedBefore(checks, await takeBaseline(checks, options));
}

interface FailedBefore {
  readonly units: readonly string[] | undefined;
  readonly answer: Answer;
}

async function readFailed(host: CheckedHost, signal: AbortSignal | undefined): Promise<FailedBefore> {
  try {
    const units = await readFailedUnits(host, { signal });
    return { units, answer: { passed: true, seen: units.length === 0 ? "no failed unit" : units.join(", ") } };
  } catch (error) {
    signal?.throwIfAborted();
    return { units: undefined, answer: { passed: false, seen: oneLine(messageOf(error)) } };
  }
}
