import type { LeaseHolder } from "#activation";
import { describeHolder } from "#activation";
import type { Clock } from "#core";
import { formatDuration } from "#core";
import type { HostLog } from "./host-log.ts";

export interface LeasePatienceOptions {
  /** For how long there is patience, from now; 0 or undefined: nobody waits. */
  readonly timeoutMs: number | undefined;
  readonly clock: Clock;
  /** Ends the patience. */
  readonly stop: AbortSignal;
}

const ASK_EVERY_MS = 2_000;

/**
 * Patience with whoever holds a host.
 * @returns a function that waits a while, and says whether to look again.
 */
export function leasePatience(
  log: HostLog,
  { timeoutMs = 0, clock, stop }: LeasePatienceOptions,
): (holder: LeaseHolder) => Promise<boolean> {
  const until = clock.monotonic() + timeoutMs;
  let isTold = false;
  return async (holder) => {
    const leftMs = until - clock.monotonic();
    if (leftMs <= 0 || stop.aborted) return false;
    if (!isTold) log.notice(`waits for its lease, ${formatDuration(timeoutMs)} at most: ${describeHolder(holder)}`);
    isTold = true;
    try {
      await clock.sleep(Math.min(leftMs, ASK_EVERY_MS), { signal: stop });
    } catch {
      return false;
    }
    return true;
  };
}
