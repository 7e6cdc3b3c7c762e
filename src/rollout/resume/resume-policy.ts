import type { RolloutPolicy, WavePolicy } from "#hive";

/** The policy a run began with. Gates that are functions could not be written down: they are the hive's of today. */
export function revivePolicy(written: RolloutPolicy, hive: RolloutPolicy): RolloutPolicy {
  return { ...written, waves: written.waves.map((wave) => reviveGate(wave, hive)) };
}

function reviveGate(wave: WavePolicy, { waves }: RolloutPolicy): WavePolicy {
  if (wave.gate?.kind !== "function") return wave;
  const today = waves.find(({ name }) => name === wave.name)?.gate;
  // A gate that is gone is asked of a person, who knows why.
  return { ...wave, gate: today?.kind === "function" ? today : { kind: "confirm" } };
}

/** How long the checks of a wave's hosts go on after they passed. */
export function soakOf({ waves }: RolloutPolicy, wave: string): number {
  return (waves.find(({ name }) => name === wave) ?? waves.at(-1))?.soakMs ?? 0;
}
