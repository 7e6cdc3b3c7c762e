import type { PackageChange } from "#store";
import type { SystemChange } from "./fleet-plan.ts";

/** Below this Nix does not tell of a change of size either. */
const SMALL_BYTES = 8_192;

/** Numbers changes so that the same on several hosts have one number: equal but for small differences of size. */
export class ChangeGroups {
  readonly changes: SystemChange[] = [];
  readonly #numbers = new Map<string, number>();

  /** @returns the change's number. */
  add(change: SystemChange): number {
    const key = JSON.stringify({ ...change, packages: change.packages.map(withoutSmallSize) });
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.changes.push(change);
    this.#numbers.set(key, this.changes.length - 1);
    return this.changes.length - 1;
  }
}

function withoutSmallSize(change: PackageChange): PackageChange {
  return Math.abs(change.sizeDelta) < SMALL_BYTES ? { ...change, sizeDelta: 0 } : change;
}
