import type { AgentState } from "#activation";
import type { StorePath } from "#store";
import type { SimulatedHost } from "./simulated-host.ts";

/** A system as a test speaks of it: what the host had before the run, what the run brings it, none, or another. */
export type SystemWord = "old" | "new" | "none" | "other";

/** Where a simulated host is, seen from inside. */
export interface HostStanding {
  readonly isUp: boolean;
  /** `none` while it is down. */
  readonly runs: SystemWord;
  /** What it runs after its next boot. */
  readonly boots: SystemWord;
  /** The default generation of its profile. */
  readonly profile: SystemWord;
  /** Whether some run holds it: a lease that has not expired. */
  readonly isLeased: boolean;
  /** Where agents are that are not at their end. */
  readonly agents: readonly AgentState[];
}

/** The systems that the words are for. A host that is as it should be has the same for both: it is `new`. */
export interface Systems {
  readonly old: StorePath | undefined;
  readonly new: StorePath | undefined;
}

export function standingOf(host: SimulatedHost, systems: Systems): HostStanding {
  const word = (system: StorePath | undefined): SystemWord => {
    if (system === undefined) return "none";
    if (system === systems.new) return "new";
    return system === systems.old ? "old" : "other";
  };
  return {
    isUp: host.isUp,
    runs: word(host.running),
    boots: word(host.boots),
    profile: word(host.profileSystem),
    isLeased: host.lease !== undefined && host.lease.expiresMs > host.uptimeMs,
    agents: [...host.runs.values()].flatMap((run) => (run.isOver ? [] : [run.state])),
  };
}
