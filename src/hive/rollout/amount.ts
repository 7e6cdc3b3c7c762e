import type { Amount } from "./rollout-policy.ts";

/** So many of a hundred: `"10%"`, in whole percents from 1 to 100. */
export type Share = `${number}%`;

const MOST_HOSTS = 1_000_000;

/**
 * A number of hosts (`2`) or a share of them (`"10%"`).
 * @returns undefined when the value is neither, or a number below `least`.
 */
export function parseAmount(value: unknown, { least }: { readonly least: 0 | 1 }): Amount | undefined {
  if (typeof value === "number") {
    return Number.isInteger(value) && value >= least && value <= MOST_HOSTS ? { hosts: Math.abs(value) } : undefined;
  }
  const digits = typeof value === "string" ? /^([1-9]\d?|100)%$/.exec(value)?.[1] : undefined;
  return digits === undefined ? undefined : { percent: Number(digits) };
}

/** What parseAmount takes, in words. */
export function amountExpected(least: 0 | 1): string {
  return `a number of hosts from ${least} up, or a share from "1%" to "100%"`;
}

/** `1 host`, `2 hosts`, `10%`. */
export function writeAmount(amount: Amount): string {
  if ("percent" in amount) return `${amount.percent}%`;
  return amount.hosts === 1 ? "1 host" : `${amount.hosts} hosts`;
}
