import type { HostFacts } from "#activation";
import type { Goal, Host, HostName } from "#hive";
import type { Manifest } from "#native";
import type { Closure, StorePath } from "#store";
import type { Emit } from "../host/host-log.ts";
import type { Outcome } from "../outcome.ts";
import type { FleetPlan, SystemChange } from "../plan/fleet-plan.ts";
import type { Step } from "../steps.ts";
import type { KnownChange } from "./known-change.ts";
import { changeId } from "./known-change.ts";
import type { KnownSystems } from "./known-systems.ts";
import type { RememberedSystems } from "./remembered-systems.ts";
import { watchHost } from "./watch-host.ts";

/** Tells what changes on the hosts of a run. Stands in the way of none: what cannot be found out is left out. */
export interface ChangeTeller {
  /** Begins with a host of which it is not known yet what it runs. */
  of(host: Host): HostChange;
  /** Settles once all is told that is found out late. */
  settled(): Promise<void>;
}

/** What changes on one host, as it comes out. */
export interface HostChange {
  /** The host is not as wanted: begins to find out what it runs and what it gets consist of. */
  look(facts: HostFacts, wanted: { readonly toplevel: StorePath; readonly closure: Closure | undefined }): void;
  /** A line that was printed in a step. */
  hear(step: Step, line: string): void;
  /** Names of the secrets that are not as before. */
  secrets(names: readonly string[]): void;
  /** Tells it, now or when it is found out. */
  end(outcome: Outcome): void;
}

export interface ChangeTellerOptions {
  readonly goal: Goal;
  /** A plan that was reviewed and says what changes. */
  readonly saved: FleetPlan | undefined;
  readonly systems: KnownSystems;
  readonly manifestOf: (toplevel: StorePath) => Manifest | undefined;
  /** Where to write down what hosts get; undefined: nowhere. */
  readonly remembered: RememberedSystems | undefined;
  readonly emit: Emit;
}

/** As JSON: what is told of a whole run. Fleets come near it where every host changes much, and in another way. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

export function createChangeTeller(options: ChangeTellerOptions): ChangeTeller {
  const { saved, emit } = options;
  const late = new Set<Promise<void>>();
  const told = new Set<string>();
  let characters = 0;
  const planned = plannedChanges(saved);
  const tell = (host: HostName, change: KnownChange): void => {
    const id = changeId(change);
    if (!told.has(id)) characters += JSON.stringify(change).length;
    if (characters > MOST_CHARACTERS) return;
    emit({ type: "changes", host, id, change: told.has(id) ? undefined : change });
    told.add(id);
  };
  return {
    of: ({ name, ...host }) => {
      const watched = watchHost({ name, ...host }, { ...options, planned: planned?.get(name) });
      return {
        ...watched,
        end(outcome) {
          const change = watched.end(outcome);
          if (change === undefined) return;
          if (!(change instanceof Promise)) {
            tell(name, change);
            return;
          }
          const telling = change.then((found) => {
            tell(name, found);
            late.delete(telling);
          });
          late.add(telling);
        },
      };
    },
    settled: async () => {
      await Promise.all(late);
      await options.remembered?.[Symbol.asyncDispose]();
    },
  };
}

function plannedChanges(saved: FleetPlan | undefined): ReadonlyMap<HostName, SystemChange> | undefined {
  if (saved === undefined) return undefined;
  return new Map(
    saved.hosts.flatMap((one) => {
      const change = one.status === "changes" && one.change !== null ? saved.changes[one.change] : undefined;
      return change === undefined ? [] : [[one.host, change] as const];
    }),
  );
}
