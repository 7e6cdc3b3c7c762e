import type { Reader } from "../rules/rules.ts";
import { describeReader } from "../rules/rules.ts";
import type { Difference } from "./compare-readers.ts";
import type { KeyNames } from "./lock-file.ts";

/** A difference, with those apart whose owner is right and whose key is another. */
export interface SortedDifference {
  /** Who can read with a key of before, and not with the one that is theirs now. */
  readonly changed: readonly Reader[];
  /** Who should be able to read and cannot, with any key. */
  readonly missing: readonly Reader[];
  /** Who can read and should not, with any key. */
  readonly extra: KeyNames;
}

/** Tells those whose key was changed from those who are new or gone: for both of the latter the rules were changed. */
export function sortDifference({ missing, extra }: Pick<Difference, "missing" | "extra">): SortedDifference {
  const owners = new Set(Object.values(extra));
  const changed = missing.filter((reader) => owners.has(describeReader(reader)));
  const names = new Set(changed.map(describeReader));
  return {
    changed,
    missing: missing.filter((reader) => !changed.includes(reader)),
    extra: Object.fromEntries(Object.entries(extra).filter(([, name]) => !names.has(name))),
  };
}

/** What to do about keys that were changed. */
export const CHANGED_KEY_HINT =
  "if the new key is right, encrypt it anew with skep secrets rekey; if not, mend it where it stands: in the secrets file, the hive's hostKey or known_hosts";

/** `it is encrypted to another key of host api-1 than the present one`. */
export function describeChanged(changed: readonly Reader[]): string {
  return `it is encrypted to another key of ${changed.map(describeReader).join(", ")} than the present one`;
}
