import type { DeploymentRecord, HiveRevision, HostState } from "#activation";
import type { StorePath } from "#store";
import { deploymentOf } from "./deployment-of.ts";

/** Something that made a host what it is: a deployment it keeps a record of, or a generation that nobody recorded. */
export interface HistoryEntry {
  /** Undefined when none was made. */
  readonly generation: number | undefined;
  readonly system: StorePath;
  /** Milliseconds since 1970: by the operator's clock where there is a record, else by the host's. */
  readonly at: number | undefined;
  readonly record: DeploymentRecord | undefined;
  /** Which version of the hive the system was made of. */
  readonly hive: HiveRevision | undefined;
  /** What this generation is to the host now. */
  readonly marks: readonly ("running" | "default" | "booted")[];
  /** Whether the generation can be gone back to: it is there, and its system is in the store. */
  readonly isThere: boolean;
}

/** What a host knows of its past, the newest first. Pure. */
export function historyOf(state: HostState): readonly HistoryEntry[] {
  const { deployments, generations, facts } = state;
  const marked = new Set<string>();
  const marksOf = (system: StorePath, generation: number | undefined): HistoryEntry["marks"] => {
    const current = { running: facts.running, booted: facts.booted };
    const marks: HistoryEntry["marks"][number][] = [];
    for (const mark of ["running", "booted"] as const) {
      // Of several that are the same system, the newest: what runs does not say which it was.
      if (current[mark] !== system || marked.has(mark)) continue;
      marked.add(mark);
      marks.push(mark);
    }
    if (generation !== undefined && facts.profile.generation === generation && !marked.has("default")) {
      marked.add("default");
      marks.push("default");
    }
    return marks;
  };
  const there = new Set(generations.flatMap(({ number, isThere }) => (isThere ? [number] : [])));
  const recorded = new Set(deployments.map(({ generation }) => generation));
  const entries = [
    ...deployments.map((record) => ({
      ...{ generation: record.generation ?? undefined, system: record.to, at: Date.parse(record.at), record },
      hive: deploymentOf(state, record.to)?.hive,
    })),
    ...generations
      .filter(({ number }) => !recorded.has(number))
      .map(({ number, system, madeAt }) => ({
        ...{ generation: number, system, at: madeAt, record: undefined, hive: undefined },
      })),
  ];
  return entries.sort(newestFirst).map((entry) => ({
    ...entry,
    marks: marksOf(entry.system, entry.generation),
    isThere: entry.generation !== undefined && there.has(entry.generation),
  }));
}

type Numbered = Pick<HistoryEntry, "generation">;

/** Generations are in their order, whatever the clocks said; deployments of one generation stay in the host's. */
function newestFirst(one: Numbered, other: Numbered): number {
  return (other.generation ?? 0) - (one.generation ?? 0);
}
