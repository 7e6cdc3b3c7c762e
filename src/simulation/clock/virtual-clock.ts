import type { Clock } from "#core";
import { systemClock } from "#core";
import { SimulationError } from "../errors.ts";
import { TimerQueue } from "./timer-queue.ts";

/**
 * A clock on which waiting costs nothing: when everything that could go on waits, time jumps to the next thing that is
 * due. The same begin and the same work give the same course, event by event.
 */
export interface VirtualClock extends Clock {
  /**
   * Time stands still while work is under way that this clock does not see, such as a request over a real network; but
   * not for ever: what takes too long in real time hangs in simulated time too, until some deadline ends it.
   */
  outside<T>(work: () => Promise<T>): Promise<T>;
  /** Lets time go on until the work is done. @throws SimulationError `simulation/stuck` when nothing can happen any more. */
  runUntil<T>(work: Promise<T>): Promise<T>;
  /** Lets so much time pass. */
  advance(ms: number): Promise<void>;
}

/** Milliseconds of real time. */
const PATIENCE_MS = 10_000;

/**
 * @param startAt what `now` says at the beginning: milliseconds since 1970.
 * @param options.patienceMs how long in real time it stands still for what it does not see; default 10,000.
 */
export function createVirtualClock(
  startAt: number,
  { patienceMs = PATIENCE_MS }: { readonly patienceMs?: number | undefined } = {},
): VirtualClock {
  const timers = new TimerQueue();
  let elapsedMs = 0;
  let outside: Promise<unknown> | undefined;

  /** @returns whether something was due, and there was a need for it. */
  const step = async ({
    untilMs,
    isDone = () => false,
  }: { readonly untilMs?: number; readonly isDone?: () => boolean } = {}): Promise<boolean> => {
    // Only when every promise that can settle has, the event loop comes to this.
    await new Promise(setImmediate);
    if (isDone()) return false;
    if (outside !== undefined) {
      await outside;
      return true;
    }
    const timer = timers.take(untilMs);
    if (timer === undefined) return false;
    elapsedMs = Math.max(elapsedMs, timer.atMs);
    timer.work?.();
    return true;
  };
  const after = (ms: number, work: () => void): { cancel(): void } => {
    const timer = timers.add(elapsedMs + Math.max(0, ms), work);
    return {
      cancel() {
        timer.work = undefined;
      },
    };
  };
  return {
    now: () => startAt + elapsedMs,
    monotonic: () => elapsedMs,
    after,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const stop = (): void => {
          timer.cancel();
          reject(signal?.reason as Error);
        };
        const timer = after(ms, () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        });
        signal?.addEventListener("abort", stop, { once: true });
      }),
    async outside(work) {
      const result = work();
      const patience = new Promise<void>((resolve) => {
        const timer = systemClock.after(patienceMs, resolve);
        const done = (): void => {
          timer.cancel();
          resolve();
        };
        result.then(done, done);
      });
      const all = Promise.all([outside, patience]).then(() => {
        if (outside === all) outside = undefined;
      });
      outside = all;
      return result;
    },
    async runUntil(work) {
      let isDone = false;
      const done = (): void => {
        isDone = true;
      };
      work.then(done, done);
      for (;;) {
        const happened = await step({ isDone: () => isDone });
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- `done` sets it
        if (isDone) return work;
        if (!happened) {
          throw new SimulationError("simulation/stuck", "the simulated run waits for something that never comes", {
            hint: "does a check or a gate of yours wait for a real event? nothing real happens in a simulation",
          });
        }
      }
    },
    async advance(ms) {
      const untilMs = elapsedMs + ms;
      while (await step({ untilMs }));
      elapsedMs = untilMs;
    },
  };
}
