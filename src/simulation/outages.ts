/** A time in which a host was unavailable because a run worked on it, or left it stranded. */
export interface Outage {
  readonly host: string;
  /** Milliseconds since the run began. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** The largest number of hosts that were unavailable at one time, of all or of these. */
export function mostUnavailable(outages: readonly Outage[], hosts?: ReadonlySet<string>): number {
  const turns = outages
    .filter(({ host }) => hosts?.has(host) !== false)
    .flatMap(({ fromMs, toMs }) => [
      { atMs: fromMs, by: 1 },
      { atMs: toMs, by: -1 },
    ]);
  // One that comes back in the same moment as another goes makes room for it.
  turns.sort((one, other) => one.atMs - other.atMs || one.by - other.by);
  let count = 0;
  let most = 0;
  for (const { by } of turns) {
    count += by;
    most = Math.max(most, count);
  }
  return most;
}
