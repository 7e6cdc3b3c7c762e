import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";

/** A signal that aborts with `reason()` after `ms`, or with `signal`'s own reason when that aborts first. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Bounds a wait. Dispose it when the wait is over (`using deadline = startDeadline(…)`), or the timer lives on.
 * @param options.reason makes the error the signal aborts with.
 * @param options.clock what the time is taken from: whatever waits in a run that may be simulated names the run's.
 */
export function startDeadline(
  ms: number,
  {
    signal,
    reason,
    clock = systemClock,
  }: {
    readonly signal?: AbortSignal | undefined;
    readonly reason: () => Error;
    readonly clock?: Clock | undefined;
  },
): Deadline {
  const controller = new AbortController();
  const timer = clock.after(ms, () => {
    controller.abort(reason());
  });
  const follow = (): void => {
    controller.abort(signal?.reason);
  };
  if (signal?.aborted) follow();
  else signal?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      timer.cancel();
      signal?.removeEventListener("abort", follow);
    },
  };
}

/** Settles as `work` does, or rejects with the signal's reason as soon as that aborts. `work` itself goes on. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  // What is given up must not come back as an unhandled rejection.
  work.catch(() => undefined);
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener("abort", stop);
  }
}
