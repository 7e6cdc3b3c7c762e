import type { Unit } from "./unit-files.ts";

/** How often a unit may be started: systemd's own limit, five starts in ten seconds, unless the unit has another. */
export interface StartLimit {
  /** Counts a start. @returns whether it is one too many. */
  exceededBy(unit: Unit): boolean;
  /** Forgets the starts there were. */
  reset(): void;
}

export function createStartLimit(): StartLimit {
  let starts: number[] = [];
  return {
    exceededBy({ settings }) {
      const burst = Number(settings.get("Unit", "StartLimitBurst") ?? 5);
      const interval = settings.get("Unit", "StartLimitIntervalSec");
      const intervalMs = interval === undefined ? 10_000 : Number.parseFloat(interval) * 1_000;
      const now = performance.now();
      starts = [...starts.filter((at) => now - at < intervalMs), now];
      return burst > 0 && starts.length > burst;
    },
    reset() {
      starts = [];
    },
  };
}
