import { abortable } from "#core";

/** A fixed number of places, taken in order of asking. */
export interface Slots {
  /** Waits for a free place and takes it; the returned function gives it back. @throws the signal's reason. */
  take(signal: AbortSignal): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  const once = (): (() => void) => {
    let given = false;
    return () => {
      if (given) return;
      given = true;
      release();
    };
  };
  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free -= 1;
        return once();
      }
      let mine: () => void = () => undefined;
      const turn = new Promise<void>((resolve) => {
        mine = resolve;
        waiting.push(mine);
      });
      try {
        await abortable(turn, signal);
      } catch (error) {
        const place = waiting.indexOf(mine);
        // Its turn came in the very moment it gave up: pass it on.
        if (place < 0) release();
        else waiting.splice(place, 1);
        throw error;
      }
      return once();
    },
  };
}
