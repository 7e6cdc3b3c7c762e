import type { AgentState } from "#activation";
import type { StorePath } from "#store";
import type { SimulatedHost } from "./host/simulated-host.ts";

/** A system as a test speaks of it: what the host had before the run, what the run brings it, none, or another. */
export type SystemWord = "old" | "new" | "none" | "other";

/** Where a simulated host is, seen from inside. */
export interface HostStanding {
  readonly isUp: boolean;
  /** `none` while it is down. */
  readonly runs: SystemWord;
  /** What it runs after its next boot. */
  readonly boots: SystemWord;
  /** What it booted last. */
  readonly booted: SystemWord;
  /** The default generation of its profile. */
  readonly profile: SystemWord;
  /** The secrets in use: as it had them before the run, as the run brings them (or leaves them), none, or others. */
  readonly secrets: SystemWord;
  /** Whether some run holds it: a lease that has not expired. */
  readonly isLeased: boolean;
  /** Where agents are that are not at their end. */
  readonly agents: readonly AgentState[];
}

/** The systems that the words are for. A host that is as it should be has the same for both: it is `new`. */
export interface Systems {
  readonly old: StorePath | undefined;
  readonly new: StorePath | undefined;
  /** The ids of the sets of secrets. */
  readonly oldSecrets: string | undefined;
  readonly newSecrets: string | undefined;
}

export function standingOf(host: SimulatedHost, systems: Systems): HostStanding {
  const word = (system: StorePath | undefined): SystemWord => wordFor(system, [systems.old, systems.new]);
  return {
    isUp: host.isUp,
    runs: word(host.running),
    boots: word(host.boots),
    booted: word(host.isUp ? host.booted : undefined),
    profile: word(host.profileSystem),
    secrets: wordFor(host.secretSetInUse, [systems.oldSecrets, systems.newSecrets]),
    isLeased: host.lease !== undefined && host.lease.expiresMs > host.uptimeMs,
    agents: [...host.runs.values()].flatMap((run) => (run.isOver ? [] : [run.state])),
  };
}

function wordFor<T>(found: T | undefined, [before, wanted]: readonly [T | undefined, T | undefined]): SystemWord {
  if (found === undefined) return "none";
  if (found === wanted) return "new";
  return found === before ? "old" : "other";
}
