/** Work that is due at a time. */
export interface Timer {
  readonly atMs: number;
  /** Breaks ties: who was first comes first. */
  readonly turn: number;
  /** Undefined once it was cancelled. */
  work: (() => void) | undefined;
}

/** Timers by their time: a binary heap, so that a hundred thousand of them cost little. */
export class TimerQueue {
  readonly #heap: Timer[] = [];
  #turns = 0;

  add(atMs: number, work: () => void): Timer {
    const timer: Timer = { atMs, turn: this.#turns, work };
    this.#turns += 1;
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(timer);
    while (hole > 0) {
      const above = (hole - 1) >>> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, timer)) break;
      heap[hole] = parent;
      hole = above;
    }
    heap[hole] = timer;
    return timer;
  }

  /** The next timer that was not cancelled, if it is due by `untilMs`. */
  take(untilMs = Number.POSITIVE_INFINITY): Timer | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || (first.work !== undefined && first.atMs > untilMs)) return undefined;
      this.#removeFirst();
      if (first.work !== undefined) return first;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      let below = 2 * hole + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      let child = left;
      if (right !== undefined && isBefore(right, left)) {
        child = right;
        below += 1;
      }
      if (isBefore(last, child)) break;
      heap[hole] = child;
      hole = below;
    }
    heap[hole] = last;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.turn < other.turn);
}
