/** Time from left to right. */
export interface TimeScale {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** As long as its ticks: at least as long as the run. */
  readonly lengthMs: number;
  readonly tickMs: number;
  /** How many times `tickMs` is in it. */
  readonly ticks: number;
}

/** How wide drawings of time are, in their own units. */
export const SCALE_WIDTH = 1_000;

const MOST_TICKS = 6;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STEPS_MS = [
  ...[100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND],
  ...[MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR],
] as const;

/** A scale from one instant to another, with up to six ticks at round times. */
export function timeScale(from: number, to: number): TimeScale {
  const length = Math.max(to - from, 1);
  const day = 24 * HOUR;
  const tickMs = STEPS_MS.find((step) => length / step <= MOST_TICKS) ?? Math.ceil(length / (MOST_TICKS * day)) * day;
  const ticks = Math.max(1, Math.ceil(length / tickMs));
  return { startedAt: from, lengthMs: ticks * tickMs, tickMs, ticks };
}

/** Where an instant lies, from 0 to {@link SCALE_WIDTH}. */
export function placeOf(at: number, { startedAt, lengthMs }: TimeScale): number {
  return Math.min(SCALE_WIDTH, Math.max(0, ((at - startedAt) / lengthMs) * SCALE_WIDTH));
}
