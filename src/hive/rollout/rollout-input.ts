import type { Duration } from "#core";
import type { CommandCheckInput } from "../input.ts";
import type { Share } from "./amount.ts";
import type { GateFunction, OnFailure } from "./rollout-policy.ts";

/**
 * In which order the hosts get their turn, how many of them at once, and what happens when some do not end well.
 * @example
 * {
 *   waves: ["@canary", { size: "10%", soak: "5m" }, { hosts: "rest", gate: "confirm" }],
 *   order: [["@db", "@web"]],
 *   maxUnavailable: { "*": "25%", "@db": 1 },
 *   maxFailures: 2,
 *   onFailure: "revert-wave",
 * }
 */
export interface RolloutInput {
  /**
   * Hosts that go together, wave after wave. A wave is
   * - a selection as `--on` takes it: `"@canary"`
   * - a number of hosts, or a share of them: `2`, `"10%"`
   * - `"rest"`: whatever is left; only as the last, and there without being said
   * - an object, for more: `{ hosts: "@web", size: "10%", soak: "5m" }`
   *
   * A host is in the first wave that takes it. Numbers and shares are of the hosts of the run, which `--on` may make fewer;
   * a share is at least one host. A wave begins when the one before it ended well. Default: all hosts in one wave.
   * @example ["@canary", 1, "10%", "rest"]
   */
  readonly waves?: readonly (string | number | WaveInput)[] | undefined;
  /**
   * How long the checks of a host go on after they passed, before it keeps the new system. One that fails in that time
   * takes the host back. Default: `"0s"`.
   * @example "2m"
   */
  readonly soak?: Duration | undefined;
  /**
   * To wait after each wave, before the next one begins. Default: `"0s"`.
   * @example "10m"
   */
  readonly pause?: Duration | undefined;
  /**
   * How many hosts may be unavailable at one time, being activated or rebooted, or stranded: a number, a share of the hosts
   * of the run, or one of either for each selection, where `"*"` is all hosts. A share is at least one host.
   * Default: as many as `limits` let.
   * @example "25%"
   * @example { "*": "25%", "@db": 1 }
   */
  readonly maxUnavailable?: number | Share | Readonly<Record<string, number | Share>> | undefined;
  /**
   * How many hosts of the run may end failed, rolled back or stranded before it stops: a number or a share. It is also the
   * budget of each wave that does not say its own. Default: 0.
   * @example 2
   * @example "5%"
   */
  readonly maxFailures?: number | Share | undefined;
  /**
   * What goes before what, as pairs of selections: hosts of the second begin when all of the first in this run ended well.
   * @example [["@db", "@web"], ["@web", "edge-1"]]
   */
  readonly order?: readonly (readonly [before: string, after: string])[] | undefined;
  /**
   * What a wave, or a run, with more failures than it may have brings. No other host is begun, and
   * - `"stop"`: the deployed ones stay as they are. Default.
   * - `"revert-wave"`: those of this wave go back to what they ran before, last first
   * - `"revert-run"`: all of this run do
   */
  readonly onFailure?: OnFailure | undefined;
}

/**
 * Hosts that go together.
 * @example { hosts: "@web", size: "10%", soak: "5m", pause: "10m", gate: command(["./error-rate-is-low"]) }
 */
export interface WaveInput {
  /**
   * What the wave is called in reports, unlike the others. Default: made from its hosts and size.
   * @example "half of Europe"
   */
  readonly name?: string | undefined;
  /**
   * Which hosts, of those that no earlier wave took: a selection as `--on` takes it, or `"rest"`. Default: any.
   * @example "@web & !web-1"
   */
  readonly hosts?: string | undefined;
  /**
   * How many of these: a number, or a share of those in the run that `hosts` selects. Default: all.
   * @example 2
   * @example "10%"
   */
  readonly size?: number | Share | undefined;
  /**
   * How long the checks of a host go on after they passed. Default: as `rollout.soak` says.
   * @example "10m"
   */
  readonly soak?: Duration | undefined;
  /**
   * To wait after this wave, before the next one begins. Default: as `rollout.pause` says.
   * @example "1h"
   */
  readonly pause?: Duration | undefined;
  /**
   * How many hosts of this wave may end badly, a number or a share of the wave; no more than those of the run may.
   * Default: as `rollout.maxFailures` says.
   * @example 0
   */
  readonly maxFailures?: number | Share | undefined;
  /**
   * How many hosts of this wave may be unavailable at one time, a number or a share of the wave; besides what
   * `rollout.maxUnavailable` says.
   * @example 1
   */
  readonly maxUnavailable?: number | Share | undefined;
  /**
   * What has to agree before this wave begins: a command here that ends with 0, a function, or a person at the terminal.
   * @example command(["./error-rate-is-low"], { timeout: "1m" })
   * @example async ({ hosts, signal }) => (await fetch("https://ci.example.org/freeze", { signal })).ok || "changes are frozen"
   * @example "confirm"
   */
  readonly gate?: GateInput | undefined;
}

/**
 * What has to agree before a wave begins.
 * - `command([…])`: ends with exit code 0, here; of its options a gate takes `timeout` (`"5m"`). In its environment are
 *   `SKEP_RUN`, `SKEP_WAVE` and `SKEP_HOSTS`.
 * - a function: answers true or nothing; false or a text, the reason, stops the run. It has five minutes.
 * - `{ ask, timeout }`: such a function, with another time limit
 * - `"confirm"`: a person at the terminal says yes
 */
export type GateInput = CommandCheckInput | GateFunction | FunctionGateInput | "confirm";

/** A function that a wave asks, and how long it may take. */
export interface FunctionGateInput {
  readonly ask: GateFunction;
  /**
   * Default: `"5m"`.
   * @example "8h"
   */
  readonly timeout?: Duration | undefined;
}
