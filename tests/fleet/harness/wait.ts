import { setTimeout as sleep } from "node:timers/promises";

interface WaitOptions {
  readonly timeoutMs: number;
  /** Named in the error: "timed out waiting for …". */
  readonly what: string;
  /** Between two tries; default 50. */
  readonly everyMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries until the answer is neither undefined nor false, and gives it.
 * @throws when that takes too long or `signal` aborts; what a try throws goes through.
 */
export async function waitUntil<T>(
  attempt: () => Promise<T | undefined | false>,
  { timeoutMs, what, everyMs = 50, signal }: WaitOptions,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await attempt();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}`);
    await sleep(everyMs, undefined, { signal });
  }
}
