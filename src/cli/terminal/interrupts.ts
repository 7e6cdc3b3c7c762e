import { once } from "node:events";
import { SkepError } from "#core";

/** What Ctrl-C means: first begin nothing new, then leave what is under way. */
export interface Interrupts extends Disposable {
  /** Aborts at the first signal. */
  readonly stop: AbortSignal;
  /** Aborts at the second. */
  readonly leave: AbortSignal;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Settles at the first interrupt. */
export async function interrupted({ stop }: Interrupts): Promise<void> {
  if (!stop.aborted) await once(stop, "abort");
}

/** Listens for SIGINT, SIGTERM and SIGHUP until disposed of. */
export function listenForInterrupts(onInterrupt: (interrupt: { readonly leave: boolean }) => void): Interrupts {
  const stop = new AbortController();
  const leave = new AbortController();
  const listener = (): void => {
    const second = stop.signal.aborted;
    (second ? leave : stop).abort(new SkepError("rollout/interrupted", "the operator stopped the run"));
    onInterrupt({ leave: second });
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    stop: stop.signal,
    leave: leave.signal,
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}
