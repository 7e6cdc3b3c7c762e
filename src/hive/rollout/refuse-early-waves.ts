import type { Host, HostName } from "../hive.ts";
import type { Problems } from "../problems.ts";
import { selectHosts } from "../selection/select-hosts.ts";
import type { OrderRule } from "./order-circle.ts";
import type { WavePolicy } from "./rollout-policy.ts";

export interface RefuseEarlyWavesContext {
  readonly hosts: readonly Host[];
  readonly rules: readonly OrderRule[];
  readonly problems: Problems;
}

/**
 * Refuses a wave that takes a host, however the sizes of others turn out, before one that it has to follow can be in any.
 * Selections must be good.
 */
export function refuseEarlyWaves(
  waves: readonly WavePolicy[],
  { hosts, rules, problems }: RefuseEarlyWavesContext,
): void {
  const earliest = new Map<HostName, number>();
  const latest = new Map<HostName, number>();
  waves.forEach(({ selection, size }, index) => {
    for (const { name } of selectHosts({ hosts }, selection)) {
      if (!earliest.has(name)) earliest.set(name, index);
      if (size === undefined && !latest.has(name)) latest.set(name, index);
    }
  });
  for (const { before, after } of rules) {
    const [slow, first = 0] = extreme(before, earliest, (one, other) => one > other);
    const [quick, last = 0] = extreme(after, latest, (one, other) => one < other);
    if (slow === undefined || quick === undefined || first <= last) continue;
    const later = waves[first]?.name ?? "";
    const found = `${quick} here and ${slow}, which rollout.order puts before it, in the later wave ${later}`;
    problems.add(["rollout", "waves", last], "what goes first by rollout.order in this wave or an earlier one", found);
  }
}

/** The host with the number that is beyond all others, and that number. */
function extreme(
  names: readonly HostName[],
  numbers: ReadonlyMap<HostName, number>,
  isBeyond: (one: number, other: number) => boolean,
): readonly [name?: HostName, number?: number] {
  let best: readonly [name?: HostName, number?: number] = [];
  for (const name of names) {
    const number = numbers.get(name);
    if (number !== undefined && (best[1] === undefined || isBeyond(number, best[1]))) best = [name, number];
  }
  return best;
}
