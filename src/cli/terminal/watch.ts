import { systemClock } from "#core";

export interface WatchOptions<Seen> {
  /** Shows a round that was whole. */
  readonly show: (seen: readonly Seen[]) => void;
  /** From the beginning of a round to that of the next. */
  readonly everyMs: number;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/**
 * Looks again and again until the signal aborts.
 * @returns what was seen in the last round that was whole.
 */
export async function watch<Seen>(
  look: () => Promise<readonly Seen[]>,
  { show, everyMs, signal }: WatchOptions<Seen>,
): Promise<readonly Seen[]> {
  let last: readonly Seen[] = [];
  while (!signal.aborted) {
    const startedAt = systemClock.monotonic();
    try {
      const seen = await look();
      // An interrupted round tells of the interrupt, not of the hosts.
      if (isAborted(signal)) break;
      show(seen);
      last = seen;
      await systemClock.sleep(Math.max(0, startedAt + everyMs - systemClock.monotonic()), { signal });
    } catch (error) {
      if (!isAborted(signal)) throw error;
    }
  }
  return last;
}

/** TypeScript takes a signal that was not aborted before an `await` for one that never is. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
