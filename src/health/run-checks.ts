import type { Clock } from "#core";
import { systemClock } from "#core";
import type { Check } from "#hive";
import type { Answer, CheckedHost } from "./attempt.ts";
import { attempt } from "./attempt.ts";
import { HealthError } from "./errors.ts";

/** How one check ended. */
export interface CheckResult {
  readonly check: Check;
  readonly passed: boolean;
  readonly attempts: number;
  /** What the last attempts saw, oldest first, repeats left out. */
  readonly lastSeen: readonly string[];
}

export interface RunChecksOptions {
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each attempt. */
  readonly onAttempt?: ((check: Check, answer: Answer) => void) | undefined;
}

const KEPT_ANSWERS = 3;

/**
 * Polls all checks at the same time until each has passed as often in a row as it wants, or its deadline is over.
 * A check that fails ends only itself: the results tell of all.
 */
export function runChecks(
  checks: readonly Check[],
  { host, ...options }: { readonly host: CheckedHost } & RunChecksOptions,
): Promise<CheckResult[]> {
  return Promise.all(checks.map((check) => pollCheck(check, host, options)));
}

/**
 * One attempt of each check, all at the same time: what they say before anything is changed.
 * @returns the checks that pass now.
 */
export async function passingNow(
  checks: readonly Check[],
  { host, signal }: { readonly host: CheckedHost; readonly signal?: AbortSignal | undefined },
): Promise<readonly Check[]> {
  const answers = await Promise.all(checks.map((check) => attempt(check, host, { signal })));
  return checks.filter((_check, index) => answers[index]?.passed);
}

/** @throws HealthError `health/failed` naming each check that failed and what it last saw. */
export function assertHealthy(results: readonly CheckResult[]): void {
  const failed = results.filter((result) => !result.passed);
  if (failed.length === 0) return;
  const told = failed.map(({ check, attempts, lastSeen }) => {
    const times = attempts === 1 ? "once" : `${attempts} times`;
    return `${check.name} (tried ${times}: ${lastSeen.join(", then ")})`;
  });
  throw new HealthError("health/failed", `not healthy: ${told.join("; ")}`, {
    hint: "see the service's journal on the host; give the check a longer deadline if it only needs more time",
  });
}

async function pollCheck(check: Check, host: CheckedHost, options: RunChecksOptions): Promise<CheckResult> {
  const { clock = systemClock, signal, onAttempt } = options;
  const giveUpAt = clock.monotonic() + check.deadlineMs;
  const lastSeen: string[] = [];
  let passesInARow = 0;
  for (let attempts = 1; ; attempts += 1) {
    const startedAt = clock.monotonic();
    const answer = await attempt(check, host, { signal });
    onAttempt?.(check, answer);
    passesInARow = answer.passed ? passesInARow + 1 : 0;
    if (lastSeen.at(-1) !== answer.seen) lastSeen.push(answer.seen);
    if (lastSeen.length > KEPT_ANSWERS) lastSeen.shift();
    if (passesInARow >= check.passes) return { check, passed: true, attempts, lastSeen };
    const nextAt = Math.max(startedAt + check.periodMs, clock.monotonic());
    if (nextAt >= giveUpAt) return { check, passed: false, attempts, lastSeen };
    await clock.sleep(nextAt - clock.monotonic(), { signal });
  }
}
