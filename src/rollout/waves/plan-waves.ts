import type { Host, HostName, RolloutPolicy, WavePolicy } from "#hive";
import { countOf, HiveError, selectHosts, takesRest } from "#hive";

/** Which hosts of a run go together, and what goes before what. */
export interface WavesPlan {
  readonly waves: readonly { readonly policy: WavePolicy; readonly hosts: readonly Host[] }[];
  /** Those that take none of the hosts of the run; but `rest`, of which nothing else is expected. */
  readonly passedOver: readonly WavePolicy[];
  /** For each host those of this run that must have ended well before it begins. */
  readonly after: ReadonlyMap<HostName, readonly HostName[]>;
}

/**
 * Deals the hosts of a run out to the waves of a policy, each host to the first wave that takes it; those that no wave
 * takes make the last, `rest`. Shares are of the hosts of this run. Waves that get none are left out.
 * @throws HiveError `hive/invalid` when a host would have to wait for one of a later wave.
 */
export function planWaves(
  policy: RolloutPolicy,
  { run, hive }: { readonly run: readonly Host[]; readonly hive: readonly Host[] },
): WavesPlan {
  const placed = new Set<HostName>();
  const select = (selection: string | undefined): readonly Host[] => {
    if (selection === undefined) return run;
    const names = new Set(selectHosts({ hosts: hive }, selection).map(({ name }) => name));
    return run.filter(({ name }) => names.has(name));
  };
  const after = orderOf(policy, select);
  const rank = ranksOf(run, after);
  const dealt = [...policy.waves, restOf(policy)].map((wave) => {
    const eligible = select(wave.selection);
    const left = eligible.filter(({ name }) => !placed.has(name));
    const hosts =
      wave.size === undefined
        ? left
        : [...left]
            .sort((one, other) => (rank.get(one.name) ?? 0) - (rank.get(other.name) ?? 0))
            .slice(0, countOf(wave.size, eligible.length, { atLeast: 1 }));
    for (const { name } of hosts) placed.add(name);
    return { policy: wave, hosts };
  });
  const waves = dealt.filter(({ hosts }) => hosts.length > 0);
  refuseLaterWaves(waves, after);
  const passedOver = dealt.flatMap(({ policy: wave, hosts }) =>
    hosts.length > 0 || takesRest({ hosts: wave.selection, size: wave.size }) ? [] : [wave],
  );
  return { waves, passedOver, after };
}

function restOf(policy: RolloutPolicy): WavePolicy {
  const last = policy.waves.at(-1);
  return {
    name: "rest",
    selection: undefined,
    size: undefined,
    soakMs: last?.soakMs ?? 0,
    pauseMs: 0,
    maxFailures: policy.maxFailures,
    maxUnavailable: undefined,
    gate: undefined,
  };
}

function orderOf(
  { order }: RolloutPolicy,
  select: (selection: string) => readonly Host[],
): ReadonlyMap<HostName, readonly HostName[]> {
  const after = new Map<HostName, readonly HostName[]>();
  for (const rule of order) {
    const before = select(rule.before).map(({ name }) => name);
    for (const { name } of select(rule.after)) {
      const others = after.get(name);
      // What one rule says of many hosts is kept once.
      after.set(name, others === undefined ? before : [...new Set([...others, ...before])]);
    }
  }
  return after;
}

/** How many others go before a host, one after the other, at most: a wave of some takes first those that wait for nobody. */
function ranksOf(
  run: readonly Host[],
  after: ReadonlyMap<HostName, readonly HostName[]>,
): ReadonlyMap<HostName, number> {
  const ranks = new Map<HostName, number>();
  const rankOf = (name: HostName): number => {
    const known = ranks.get(name);
    if (known !== undefined) return known;
    // An order that goes in circles was refused with the hive.
    ranks.set(name, 0);
    const rank = (after.get(name) ?? []).reduce((most, other) => Math.max(most, rankOf(other) + 1), 0);
    ranks.set(name, rank);
    return rank;
  };
  for (const { name } of run) rankOf(name);
  return ranks;
}

function refuseLaterWaves(waves: WavesPlan["waves"], after: WavesPlan["after"]): void {
  const waveOf = new Map(
    waves.flatMap(({ policy, hosts }, index) => hosts.map(({ name }) => [name, { index, policy }] as const)),
  );
  for (const [name, others] of after) {
    for (const other of others) {
      const [mine, theirs] = [waveOf.get(name), waveOf.get(other)];
      if (mine === undefined || theirs === undefined || theirs.index <= mine.index) continue;
      throw new HiveError(
        "hive/invalid",
        `${name} is to follow ${other}, which is in the later wave ${theirs.policy.name} (its own is ${mine.policy.name})`,
        { hint: "put the wave of what goes first first, or take the order back" },
      );
    }
  }
}
