import type { Outcome, RolloutEvent, RolloutReport } from "#rollout";
import type { Fault } from "./faults/fault.ts";
import type { Outage } from "./outages.ts";
import type { HostStanding } from "./standing.ts";
import type { Overdue } from "./watch-fleet.ts";

/** What became of one host. */
export interface SimulatedEnd {
  /** Undefined when the operator was killed before the host was done. */
  readonly outcome: Outcome | undefined;
  /** Where it was in the moment that the run was done with it. */
  readonly whenFinished: HostStanding | undefined;
  /** Where it is hours later, when everything has come to its end. */
  readonly finally: HostStanding;
  /** Whether an agent of this run was ever started on it. */
  readonly wasActivated: boolean;
}

/** Something worth a line. */
export interface TimelineEntry {
  /** Milliseconds since the run began. */
  readonly atMs: number;
  readonly host: string | undefined;
  readonly what: string;
}

/** A fault, and when it struck. */
export interface Struck {
  readonly fault: Fault;
  /**
   * Milliseconds since the run began; undefined when it never came to that, for its step was never begun. It may be later
   * than the end of the run. What a system has from the start is there at 0.
   */
  readonly atMs: number | undefined;
}

/** What a simulated run came to. */
export interface SimulatedRollout {
  /** Undefined when the operator was killed, and the run not resumed: then there is nobody to tell. */
  readonly report: RolloutReport | undefined;
  /** Of the run, and of its resumption. */
  readonly events: readonly RolloutEvent[];
  /** How many of the events there were when the run was resumed; undefined when it was not. */
  readonly resumedAfter: number | undefined;
  readonly hosts: ReadonlyMap<string, SimulatedEnd>;
  /** Waves, faults, and hosts that did not end well, in the order they came. */
  readonly timeline: readonly TimelineEntry[];
  /** All faults, in the order they were given. */
  readonly faults: readonly Struck[];
  readonly outages: readonly Outage[];
  /** The largest number of hosts that were unavailable at one time. */
  readonly mostUnavailable: number;
  /** Hosts that ran an unconfirmed system after their agent had to be at its end. Must be none. */
  readonly overdue: readonly Overdue[];
  /** How it went for a second operator, where one came. */
  readonly second: RolloutReport | undefined;
}
