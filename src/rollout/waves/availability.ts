import type { HostName } from "#hive";

/** At most `most` of these hosts may be unavailable at one time. */
export interface AvailabilityBound {
  /** As the policy says it: `of the run`, `of @web`, `of wave @canary`. */
  readonly of: string;
  readonly hosts: ReadonlySet<HostName>;
  readonly most: number;
}

/** Thrown when a host can no longer get its turn: too many of those that share its bound are lost for this run. */
export class NoneLeft extends Error {}

/** Sees to it that never more hosts are unavailable than every bound allows. First come, first served, as far as each can go. */
export interface Availability {
  /**
   * Waits until a host may become unavailable, does the work, and counts it as available again, unless it is lost.
   * @throws NoneLeft; the signal's reason.
   */
  during<T>(
    host: HostName,
    work: () => Promise<T>,
    options: { readonly isLost: (result: T) => boolean; readonly signal: AbortSignal },
  ): Promise<T>;
}

/** @param options.lost hosts that were lost before, by the same run. */
export function createAvailability(
  bounds: readonly AvailabilityBound[],
  options: { readonly lost?: Iterable<HostName> | undefined } = {},
): Availability {
  const lost = new Set<HostName>(options.lost);
  const away = new Set<HostName>(lost);
  const waiting = new Set<{
    readonly host: HostName;
    readonly go: () => void;
    readonly giveUp: (why: Error) => void;
  }>();
  const boundsOf = (host: HostName): readonly AvailabilityBound[] => bounds.filter(({ hosts }) => hosts.has(host));
  const count = (names: ReadonlySet<HostName>, { hosts }: AvailabilityBound): number =>
    [...names].filter((name) => hosts.has(name)).length;

  const turn = (): void => {
    for (const one of [...waiting]) {
      const mine = boundsOf(one.host);
      const full = mine.find((bound) => count(lost, bound) >= bound.most);
      if (full !== undefined) {
        waiting.delete(one);
        one.giveUp(new NoneLeft(`as many hosts ${full.of} are stranded as may be unavailable (${full.most})`));
      } else if (mine.every((bound) => count(away, bound) < bound.most)) {
        waiting.delete(one);
        away.add(one.host);
        one.go();
      }
    }
  };

  return {
    async during(host, work, { isLost, signal }) {
      await new Promise<void>((resolve, reject) => {
        signal.throwIfAborted();
        const leave = (): void => {
          waiting.delete(one);
          reject(signal.reason as Error);
        };
        const settle =
          <A extends unknown[]>(end: (...args: A) => void) =>
          (...args: A): void => {
            signal.removeEventListener("abort", leave);
            end(...args);
          };
        const one = { host, go: settle(resolve), giveUp: settle(reject) };
        signal.addEventListener("abort", leave, { once: true });
        waiting.add(one);
        turn();
      });
      try {
        const result = await work();
        if (isLost(result)) lost.add(host);
        return result;
      } finally {
        if (!lost.has(host)) away.delete(host);
        turn();
      }
    },
  };
}
