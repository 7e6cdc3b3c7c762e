import { writeAmount } from "./amount.ts";
import type { Amount, WavePolicy } from "./rollout-policy.ts";
import type { WaveRead } from "./rollout-schema.ts";
import { REST } from "./rollout-schema.ts";

/** What a wave takes that says nothing itself. */
export interface WaveDefaults {
  readonly soakMs: number;
  readonly pauseMs: number;
  readonly maxFailures: Amount;
}

/** The waves with the defaults filled in and names that tell them apart; the last takes whatever is left. */
export function makeWaves(waves: readonly WaveRead[], defaults: WaveDefaults): readonly WavePolicy[] {
  const last = waves.at(-1);
  const all = last !== undefined && takesRest(last) ? waves : [...waves, {}];
  const taken = new Set(all.flatMap(({ name }) => name ?? []));
  return all.map((wave) => ({
    name: wave.name ?? freeName(describeWave(wave), taken),
    selection: wave.hosts,
    size: wave.size,
    soakMs: wave.soak ?? defaults.soakMs,
    pauseMs: wave.pause ?? defaults.pauseMs,
    maxFailures: wave.maxFailures ?? defaults.maxFailures,
    maxUnavailable: wave.maxUnavailable,
    gate: wave.gate,
  }));
}

/** Whether nothing is left for a wave behind this one. */
export function takesRest({ hosts, size }: Pick<WaveRead, "hosts" | "size">): boolean {
  return hosts === undefined && size === undefined;
}

/** `@canary`, `2 hosts`, `10%`, `10% of @web`, `rest`. */
function describeWave({ hosts, size }: WaveRead): string {
  if (size === undefined) return hosts ?? REST;
  return hosts === undefined ? writeAmount(size) : `${writeAmount(size)} of ${hosts}`;
}

/** Reports speak of a wave by its name. */
function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count += 1) name = `${wanted} (${count})`;
  taken.add(name);
  return name;
}
