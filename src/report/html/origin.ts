/** What a run's journal tells beside its events. */
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
