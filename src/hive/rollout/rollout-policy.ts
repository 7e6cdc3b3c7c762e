import type { HostName } from "../hive.ts";

/** So many hosts, or so many of a hundred: of a fraction the whole part counts, but at least one where hosts are to go. */
export type Amount = { readonly hosts: number } | { readonly percent: number };

/** In which order hosts go, how many of them at once, and what happens when some do not end well. Durations in milliseconds. */
export interface RolloutPolicy {
  /** In the order they go; the last takes whatever is left. */
  readonly waves: readonly WavePolicy[];
  /** How many hosts may be unavailable at one time: being activated or rebooted, or stranded. Undefined: no bound. */
  readonly maxUnavailable: Amount | undefined;
  /** The same among the hosts of a selection. */
  readonly maxUnavailableOf: readonly { readonly selection: string; readonly amount: Amount }[];
  /** How many hosts of the whole run may end badly before it stops. */
  readonly maxFailures: Amount;
  /** Hosts of `after` begin only when all hosts of `before` in this run ended well. Selections. */
  readonly order: readonly { readonly before: string; readonly after: string }[];
  readonly onFailure: OnFailure;
}

/**
 * What a wave, or a run, that is over its budget brings:
 * - `stop`: no other host is begun
 * - `revert-wave`: and the hosts of that wave that were deployed go back to what they ran before, last first
 * - `revert-run`: and so do all hosts of this run
 */
export type OnFailure = "stop" | "revert-wave" | "revert-run";

export interface WavePolicy {
  /** As the hive gives it: `@canary`, `2 hosts`, `10%`. */
  readonly name: string;
  /** Which hosts that no earlier wave took: those of a selection (undefined: any), and of these so many (undefined: all). */
  readonly selection: string | undefined;
  readonly size: Amount | undefined;
  /** How long the checks go on after they passed, before a host is committed. */
  readonly soakMs: number;
  /** To wait after the wave ended well, before the next one begins. */
  readonly pauseMs: number;
  /** How many hosts of this wave may end badly. */
  readonly maxFailures: Amount;
  readonly maxUnavailable: Amount | undefined;
  /** What has to agree before the wave begins. */
  readonly gate: Gate | undefined;
}

export type Gate =
  | {
      readonly kind: "command";
      readonly argv: readonly [program: string, ...args: string[]];
      readonly timeoutMs: number;
    }
  | { readonly kind: "function"; readonly ask: GateFunction; readonly timeoutMs: number }
  /** A person at the terminal. */
  | { readonly kind: "confirm" };

/** What a gate function is told. */
export interface GateContext {
  readonly wave: string;
  readonly hosts: readonly HostName[];
  /** Everything that happened in this run so far. */
  readonly events: readonly unknown[];
  readonly signal: AbortSignal;
}

/** True, or nothing: go on. False or a reason: stop before this wave. */
export type GateFunction = (
  context: GateContext,
) => boolean | string | undefined | Promise<boolean | string | undefined>;

/** How many of `total` hosts an amount is; at least `atLeast`. */
export function countOf(amount: Amount, total: number, { atLeast = 0 }: { readonly atLeast?: number } = {}): number {
  const count = "hosts" in amount ? amount.hosts : Math.floor((amount.percent * total) / 100);
  return Math.min(total, Math.max(atLeast, count));
}
