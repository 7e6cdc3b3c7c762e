import type { RunState } from "../run/run-state.ts";

/** Where a run comes from: what its journal tells beside its events, or its first event. */
export interface RunOrigin {
  /** `user@machine`. */
  readonly operator: string;
  /** The hive's git revision; null where it has none. */
  readonly revision: string | null;
  /** Whether the hive had changes that were not committed. */
  readonly dirty: boolean;
  /** All waves, also those that were never begun. */
  readonly waves: readonly { readonly name: string; readonly hosts: readonly string[] }[];
  /** Who took the run up again, and when (milliseconds since 1970). */
  readonly resumed: readonly { readonly at: number; readonly operator: string }[];
}

/** The same of a run whose events tell who began it. */
export function originOf({ operator, revision, dirty, plannedWaves }: RunState): RunOrigin | undefined {
  if (operator === undefined) return undefined;
  return { operator, revision: revision ?? null, dirty, waves: plannedWaves, resumed: [] };
}
