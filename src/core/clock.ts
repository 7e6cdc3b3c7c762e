import { setTimeout as sleepFor } from "node:timers/promises";

/** Where time comes from, so that tests can hold it in their hand. */
export interface Clock {
  /** Milliseconds since 1970, for showing and recording. */
  now(): number;
  /** Milliseconds on a clock that only goes forward, for measuring. */
  monotonic(): number;
  /** Does something once after that time, unless it is cancelled before. */
  after(ms: number, work: () => void): { cancel(): void };
  /** @throws the signal's reason when it aborts. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return {
      cancel() {
        clearTimeout(timer);
      },
    };
  },
  async sleep(ms, { signal } = {}) {
    try {
      await sleepFor(ms, undefined, { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
