import { setImmediate } from "node:timers/promises";

/** How long signals, timers and whoever shows progress may have to wait for their turn. */
const TURN_MS = 20;

/**
 * What `work` makes of each item, in order, `limit` at one time. Begins nothing new after the first failure. Work that
 * never waits lets the rest of the process have its turns, too.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => R | Promise<R>,
  { limit = 16, signal }: { readonly limit?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  let turnEndsAt = performance.now() + TURN_MS;
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of rest) {
      if (performance.now() >= turnEndsAt) {
        await setImmediate();
        turnEndsAt = performance.now() + TURN_MS;
      }
      if (failed) return;
      signal?.throwIfAborted();
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
