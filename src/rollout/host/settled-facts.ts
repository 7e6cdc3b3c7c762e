import type { HostFacts, LeaseHolder } from "#activation";

export interface SettledFactsOptions {
  /** Whether what was seen is good, whoever holds the host. */
  readonly isDone: (facts: HostFacts) => boolean;
  /** See leasePatience. */
  readonly wait: (holder: LeaseHolder) => Promise<boolean>;
}

/** Looks at a host until no run holds it: what one has under way is proved, or goes back. After the patience, as it is. */
export async function settledFacts(
  look: () => Promise<HostFacts>,
  { isDone, wait }: SettledFactsOptions,
): Promise<HostFacts> {
  for (;;) {
    const facts = await look();
    const holder = isDone(facts) ? undefined : holderOf(facts);
    if (holder === undefined || !(await wait(holder))) return facts;
  }
}

/** Who holds a host now; undefined also where the lease has expired. */
export function holderOf({ lease }: HostFacts): LeaseHolder | undefined {
  return lease === undefined || lease.expiresInMs <= 0 ? undefined : lease;
}
