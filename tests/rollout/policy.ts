import type { RolloutPolicy, WavePolicy } from "#hive";

const NONE = { hosts: 0 };

/** A wave of a selection, with nothing else asked of it. */
export function wave(name: string, more: Partial<WavePolicy> = {}): WavePolicy {
  return {
    ...{ name, selection: name, size: undefined, soakMs: 0, pauseMs: 0, maxFailures: NONE },
    ...{ maxUnavailable: undefined, gate: undefined },
    ...more,
  };
}

/** A policy that asks for nothing. */
export function policy(more: Partial<RolloutPolicy> = {}): RolloutPolicy {
  return {
    ...{ waves: [], maxUnavailable: undefined, maxUnavailableOf: [], maxFailures: NONE, order: [], onFailure: "stop" },
    ...more,
  };
}
