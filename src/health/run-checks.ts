import type { Clock } from "#core";
import { systemClock } from "#core";
import type { Check } from "#hive";
import type { Answer } from "./attempt.ts";
import type { Baseline } from "./baseline.ts";
import { answerBefore } from "./baseline.ts";
import type { CheckResult } from "./check-result.ts";
import type { CheckedHost } from "./checked-host.ts";
import { explainFailures } from "./explain-failures.ts";
import { Poll } from "./poll.ts";
import { whereToLook } from "./where-to-look.ts";

export interface RunChecksOptions {
  /**
   * How the host was before the deployment: what failed then is excused, unless the check is `required`. Without it
   * every check must pass.
   */
  readonly baseline?: Baseline | undefined;
  /** How long to go on once all have passed. Default: 0. */
  readonly soakMs?: number | undefined;
  /** False: a check that does not pass at once has failed. Default: true, it is tried until its deadline. */
  readonly retry?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each attempt. */
  readonly onAttempt?: ((check: Check, answer: Answer) => void) | undefined;
  /** Called when all have passed and the soak begins. */
  readonly onSoak?: (() => void) | undefined;
}

/**
 * Polls all checks at the same time until each has passed as often in a row as it wants, or its deadline is over. A check
 * that fails ends only itself: the results tell of all. Then, if none failed, all soak; the first that fails there ends it.
 */
export async function runChecks(
  checks: readonly Check[],
  { host, ...options }: { readonly host: CheckedHost } & RunChecksOptions,
): Promise<CheckResult[]> {
  const { baseline, soakMs = 0, retry = true, clock = systemClock, signal, onAttempt, onSoak } = options;
  const failedBefore = baseline?.failedUnits ?? [];
  const courses = checks.map((check): Course => ({
    poll: new Poll(check, { host, clock, failedBefore, onAttempt }),
    excused: isExcused(check, baseline),
    passed: false,
    failedInSoak: false,
  }));
  await Promise.all(
    courses.map(async (course) => {
      course.passed = await course.poll.untilPassed({ signal, retry });
    }),
  );
  if (soakMs > 0 && courses.length > 0 && courses.every(({ passed, excused }) => passed || excused)) {
    onSoak?.();
    await soak(courses, { untilMs: clock.monotonic() + soakMs, signal });
  }
  const failed = courses.filter(({ passed, excused }) => !passed && !excused).map(({ poll }) => poll.check);
  const details = await explainFailures(failed, { host, failedBefore, signal });
  return courses.map(({ poll, ...ended }) => {
    const { check, attempts, restarts, lastSeen } = poll;
    return {
      check,
      ...ended,
      attempts,
      restarts,
      lastSeen,
      details: details[failed.indexOf(check)] ?? [],
      look: whereToLook(check, host),
    };
  });
}

/**
 * The longest that {@link runChecks} takes, the journal that it reads in the end included.
 */
export function longestChecksMs(
  checks: readonly Check[],
  { soakMs = 0 }: { readonly soakMs?: number | undefined } = {},
): number {
  if (checks.length === 0) return 0;
  const polling = Math.max(...checks.map(({ deadlineMs, timeoutMs }) => deadlineMs + timeoutMs));
  const soaking = soakMs === 0 ? 0 : soakMs + Math.max(...checks.map(longestTailMs));
  return polling + soaking + EXPLAINING_MS;
}

/** The list of failed units, and then their journals at the same time. */
const EXPLAINING_MS = 15_000;

interface Course {
  readonly poll: Poll;
  readonly excused: boolean;
  passed: boolean;
  failedInSoak: boolean;
}

function isExcused(check: Check, baseline: Baseline | undefined): boolean {
  return baseline !== undefined && !check.required && answerBefore(check, baseline)?.passed === false;
}

/** The soak of all that passed. When one fails that must pass, the others need not go on. */
async function soak(
  courses: readonly Course[],
  { untilMs, signal }: { readonly untilMs: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const end = new AbortController();
  const follow = (): void => {
    end.abort(signal?.reason);
  };
  signal?.addEventListener("abort", follow, { once: true });
  try {
    signal?.throwIfAborted();
    const passing = courses.filter(({ passed }) => passed);
    await Promise.all(
      passing.map(async (course) => {
        try {
          course.passed = await course.poll.soak(untilMs, { signal: end.signal });
        } catch (error) {
          signal?.throwIfAborted();
          if (!end.signal.aborted) throw error;
        }
        course.failedInSoak = !course.passed;
        if (!course.passed && !course.excused) end.abort(new Error("another check failed"));
      }),
    );
  } finally {
    signal?.removeEventListener("abort", follow);
  }
}

/** A check that is failing when the soak is over goes on until that is decided. */
function longestTailMs({ failures, periodMs, timeoutMs }: Check): number {
  return (failures + 1) * Math.max(periodMs, timeoutMs);
}
