import { setTimeout as sleepFor } from "node:timers/promises";

/** Where time comes from, so that tests can hold it in their hand. */
export interface Clock {
  /** Milliseconds since 1970, for showing and recording. */
  now(): number;
  /** Milliseconds on a clock that only goes forward, for measuring. */
  monotonic(): number;
  /** @throws the signal's reason when it aborts. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, { signal } = {}) {
    try {
      await sleepFor(ms, undefined, { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
