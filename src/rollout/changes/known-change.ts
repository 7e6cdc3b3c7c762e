import { createHash } from "node:crypto";
import type { SystemChange } from "../plan/fleet-plan.ts";
import { withoutSmallSizes } from "../plan/group-changes.ts";

/** What becomes of a host's system, as far as it is known: what is not is left out. Of secrets it has the names alone. */
export type KnownChange = { readonly [Part in keyof SystemChange]?: NonNullable<SystemChange[Part]> | undefined };

const ID_DIGITS = 16;

/** What a plan knew. */
export function knownOf({ units, said, etc, reboot, ...change }: SystemChange): KnownChange {
  return {
    ...change,
    units: units ?? undefined,
    said: said.length === 0 ? undefined : said,
    etc: etc ?? undefined,
    reboot: reboot ?? undefined,
  };
}

/** What a change goes by: the same on several hosts, but for small differences of size, has one, in any run. */
export function changeId(change: KnownChange): string {
  const { packages, units, said, hooks, etc, secrets, reboot } = change;
  const told = packages === undefined ? undefined : withoutSmallSizes(packages);
  const key = JSON.stringify([told, units, said, hooks, etc, secrets, reboot]);
  return createHash("sha256").update(key).digest("hex").slice(0, ID_DIGITS);
}
