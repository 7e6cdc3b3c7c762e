import { setImmediate as nextTurn } from "node:timers/promises";

const SLICE_MS = 8;

let sliceStart = performance.now();

/**
 * Whether work that does not wait has held the event loop for long enough. One slice is shared by all such work in the
 * process, so that eight copies at once hold it no longer than one.
 */
export function sliceIsOver(): boolean {
  return performance.now() - sliceStart > SLICE_MS;
}

/** Lets everything else in the process have its turn. */
export async function breathe(): Promise<void> {
  await nextTurn();
  if (sliceIsOver()) sliceStart = performance.now();
}
