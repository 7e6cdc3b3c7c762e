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
    const key = JSON.stringify({ ...change, packages: withoutSmallSizes(change.packages) });
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.changes.push(change);
    this.#numbers.set(key, this.changes.length - 1);
    return this.changes.length - 1;
  }
}

/** The same packages, without changes of size that are none. */
export function withoutSmallSizes(packages: readonly PackageChange[]): readonly PackageChange[] {
  return packages.map((one) => (Math.abs(one.sizeDelta) < SMALL_BYTES ? { ...one, sizeDelta: 0 } : one));
}
