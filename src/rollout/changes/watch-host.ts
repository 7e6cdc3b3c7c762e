import type { HostFacts } from "#activation";
import type { Goal, Host } from "#hive";
import { activates, installsSecrets } from "#hive";
import { compareEtc } from "#native";
import type { Outcome } from "../outcome.ts";
import { diffPackages } from "../plan/diff-packages.ts";
import type { SystemChange } from "../plan/fleet-plan.ts";
import type { Step } from "../steps.ts";
import type { ChangeTellerOptions, HostChange } from "./change-teller.ts";
import type { KnownChange } from "./known-change.ts";
import { knownOf } from "./known-change.ts";
import type { KnownSystem, KnownSystems } from "./known-systems.ts";
import { systemOf } from "./known-systems.ts";
import { isOfUnits, readActivation } from "./read-activation.ts";

export interface WatchHostOptions extends Omit<ChangeTellerOptions, "saved" | "emit"> {
  /** What a plan that was reviewed says of the host. */
  readonly planned: SystemChange | undefined;
}

/** As a HostChange, but gives what is to be told of the host. */
export interface WatchedHost extends Omit<HostChange, "end"> {
  end(outcome: Outcome): KnownChange | Promise<KnownChange> | undefined;
}

/** From one system to another, as far as both are known. */
interface Compared extends Pick<KnownChange, "packages" | "etc"> {
  /** The units of the old one. */
  readonly units: readonly string[];
}

const NOTHING: Compared = { units: [] };
const SAME: Compared = { packages: [], etc: { added: [], changed: [], removed: [] }, units: [] };
const SPEAKING: ReadonlySet<Step> = new Set<Step>(["dry-activate", "test", "login"]);
/** Goals that do nothing to a host that runs the system already. */
const LEAVING: ReadonlySet<Goal> = new Set<Goal>(["push", "dry-activate"]);
const MOST_LINES = 500;

/** Finds out what changes on one host: from the plan, or by comparing systems; and from what it prints. */
export function watchHost({ name }: Pick<Host, "name">, options: WatchHostOptions): WatchedHost {
  const { goal, planned, manifestOf, remembered } = options;
  const lines: string[] = [];
  let secretNames: readonly string[] = [];
  let seen: (Seen & { readonly isSame: boolean }) | undefined;
  let comparing: Promise<Compared> | undefined;
  let compared: Compared | undefined;
  const tell = ({ facts, wanted: { toplevel }, isSame }: NonNullable<typeof seen>, outcome: Outcome): KnownChange => {
    const { packages, etc, units } = compared ?? NOTHING;
    const isReached = outcome === "deployed";
    const manifest = manifestOf(toplevel);
    const own = manifest && {
      units: new Set([...manifest.units.map((unit) => unit.name), ...units]),
      lastHooks: manifest.hooks.after,
    };
    // What a host that goes back prints is of two systems.
    const said = isReached && lines.length > 0 ? readActivation(lines, { own }) : undefined;
    if (planned !== undefined) return { ...knownOf(planned), units: planned.units ?? said };
    const isKnown = isReached && installsSecrets(goal);
    const [added, changed] = facts.secrets.set === undefined ? [secretNames, []] : [[], secretNames];
    const noUnits = isSame && secretNames.length === 0 ? { stop: [], reload: [], restart: [], start: [] } : undefined;
    return {
      ...{ packages, etc, units: said ?? noUnits },
      hooks: activates(goal) && !isSame ? manifest?.hooks : undefined,
      secrets: isKnown ? { added, changed, mayChange: [], broughtAgain: [], removed: [] } : undefined,
    };
  };
  return {
    look(facts, wanted) {
      const isSame = facts.running === wanted.toplevel;
      seen = { facts, wanted, isSame };
      if (planned !== undefined) compared = NOTHING;
      else if (isSame) compared = SAME;
      else {
        comparing = compare({ facts, wanted }, { host: name, ...options });
        void comparing.then((found) => (compared = found));
      }
    },
    hear(step, line) {
      if (SPEAKING.has(step) && lines.length < MOST_LINES && isOfUnits(line)) lines.push(line);
    },
    secrets(names) {
      secretNames = names;
    },
    end(outcome) {
      const known = seen;
      if (known === undefined || outcome === "unchanged" || outcome === "skipped") return undefined;
      if (known.isSame && secretNames.length === 0 && LEAVING.has(goal)) return undefined;
      const { toplevel, closure } = known.wanted;
      const manifest = manifestOf(toplevel);
      if (outcome === "deployed" && closure !== undefined && manifest !== undefined) {
        remembered?.remember(toplevel, systemOf(closure, manifest));
      }
      return compared === undefined ? comparing?.then(() => tell(known, outcome)) : tell(known, outcome);
    },
  };
}

/** A host before it is changed, and what it is to get. */
interface Seen {
  readonly facts: HostFacts;
  readonly wanted: Parameters<HostChange["look"]>[1];
}

/** Never rejects. */
async function compare(
  { facts: { running }, wanted }: Seen,
  { host, systems, manifestOf }: WatchHostOptions & { readonly host: string },
): Promise<Compared> {
  const before = running === undefined ? NO_SYSTEM : await systems(running);
  const after = await wantedSystem(wanted, { systems, manifestOf });
  if (before === undefined || after === undefined) return NOTHING;
  const { toplevel } = wanted;
  return {
    packages: diffPackages(before.paths, { toplevel, paths: after.paths }, { running, host }),
    etc: before.etc === undefined || after.etc === undefined ? undefined : compareEtc(before.etc, after.etc),
    units: before.units,
  };
}

const NO_SYSTEM: KnownSystem = { paths: [], etc: new Map(), units: [] };

/** What is made here needs no place among those that are looked for. */
async function wantedSystem(
  { toplevel, closure }: Seen["wanted"],
  { systems, manifestOf }: { readonly systems: KnownSystems; readonly manifestOf: WatchHostOptions["manifestOf"] },
): Promise<KnownSystem | undefined> {
  const manifest = manifestOf(toplevel);
  return closure !== undefined && manifest !== undefined ? systemOf(closure, manifest) : await systems(toplevel);
}
