import type { Check } from "#hive";
import type { CheckedHost } from "./checked-host.ts";
import { readFailedUnits } from "./failed-units.ts";
import { readJournal } from "./read-journal.ts";

const MAX_UNITS = 3;

/**
 * What the host's journal has to say of checks that failed: for a unit check the unit's last lines, for the others those
 * of the units that failed since the baseline.
 * @returns lines for each check, in their order.
 */
export async function explainFailures(
  checks: readonly Check[],
  {
    host,
    failedBefore,
    signal,
  }: {
    readonly host: CheckedHost;
    readonly failedBefore: readonly string[];
    readonly signal?: AbortSignal | undefined;
  },
): Promise<readonly (readonly string[])[]> {
  if (checks.length === 0) return [];
  const journals = new Map<string, Promise<readonly string[]>>();
  const journalOf = (unit: string): Promise<readonly string[]> => {
    const journal = journals.get(unit) ?? readJournal(unit, { host, signal });
    journals.set(unit, journal);
    return journal;
  };
  const newlyFailed = checks.some(({ kind }) => kind !== "unit")
    ? await newlyFailedUnits(host, { failedBefore, signal })
    : [];
  return Promise.all(
    checks.map(async (check) => {
      const units = check.kind === "unit" ? [check.unit] : newlyFailed.slice(0, MAX_UNITS);
      return (await Promise.all(units.map(journalOf))).flat();
    }),
  );
}

async function newlyFailedUnits(
  host: CheckedHost,
  { failedBefore, signal }: { readonly failedBefore: readonly string[]; readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  try {
    const failed = await readFailedUnits(host, { signal });
    return failed.filter((unit) => !failedBefore.includes(unit));
  } catch {
    signal?.throwIfAborted();
    return [];
  }
}
