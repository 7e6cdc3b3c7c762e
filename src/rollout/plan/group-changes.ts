import type { PackageChange } from "#store";
import type { SystemChange } from "./fleet-plan.ts";

/** Below this Nix does not tell of a change of size either. */
const SMALL_BYTES = 8_192;

/** Numbers changes so that the same on several hosts have one number: equal but for small differences of size. */
export class ChangeGroups {
  readonly changes: SystemChange[] = [];
  readonly #numbers = new Map<string, number>();

  /** @param host its name stands for every host's where packages are called after it. */
  add(change: SystemChange, host: string): number {
    const named: SystemChange = { ...change, packages: change.packages.map((one) => withoutHostName(one, host)) };
    const key = JSON.stringify({ ...named, packages: named.packages.map(withoutSmallSize) });
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.changes.push(named);
    this.#numbers.set(key, this.changes.length - 1);
    return this.changes.length - 1;
  }
}

/** `etc-web` of the host `web` is `etc-{host}`. */
function withoutHostName(change: PackageChange, host: string): PackageChange {
  const words = change.name.split(/([^A-Za-z0-9]+)/);
  const parts = host.split(/([^A-Za-z0-9]+)/);
  const at = words.findIndex(
    (_, index) => index % 2 === 0 && parts.every((part, step) => words[index + step] === part),
  );
  if (at === -1) return change;
  return { ...change, name: [...words.slice(0, at), "{host}", ...words.slice(at + parts.length)].join("") };
}

function withoutSmallSize(change: PackageChange): PackageChange {
  return Math.abs(change.sizeDelta) < SMALL_BYTES ? { ...change, sizeDelta: 0 } : change;
}
