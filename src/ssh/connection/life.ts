import type { Keepalive } from "../target.ts";
import type { Transport } from "./transport.ts";

/**
 * Calls `onSilence` when nothing at all came from the host for so many intervals that as many pings must have gone
 * unanswered. A host that is slow to answer because data fills the line is not silent.
 */
export function watchLife(
  transport: Transport,
  { intervalMs, count }: Keepalive,
  onSilence: (silentMs: number) => void,
): Disposable {
  let seen = transport.bytesRead;
  let silent = 0;
  const timer = setInterval(() => {
    if (transport.bytesRead !== seen) {
      seen = transport.bytesRead;
      silent = 0;
      return;
    }
    silent += 1;
    if (silent <= count) return;
    clearInterval(timer);
    onSilence(silent * intervalMs);
  }, intervalMs);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
}
