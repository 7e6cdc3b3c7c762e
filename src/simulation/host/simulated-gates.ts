import type { Gate, RolloutPolicy } from "#hive";
import type { VirtualClock } from "../clock/virtual-clock.ts";

/** A policy whose functions are asked, while time stands still, and whose commands and people agree. */
export function simulatedGates(policy: RolloutPolicy, clock: VirtualClock): RolloutPolicy {
  const gateOf = (gate: Gate | undefined): Gate | undefined => {
    if (gate?.kind !== "function") return undefined;
    const { ask } = gate;
    return { ...gate, ask: (context) => clock.outside(async () => ask(context)) };
  };
  return { ...policy, waves: policy.waves.map((wave) => ({ ...wave, gate: gateOf(wave.gate) })) };
}
