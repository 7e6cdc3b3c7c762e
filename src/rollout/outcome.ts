/**
 * How a host ended, from best to worst.
 * - `unchanged`: it had what was wanted; nothing was touched
 * - `deployed`: the goal was reached
 * - `skipped`: nothing was begun on it, and the report says why
 * - `failed`: something went wrong and the host is as it was before
 * - `rolled-back`: the new system ran, was not proven, and the host is back on the old one
 * - `stranded`: it could not be brought back, or nobody could see where it ended; it needs hands
 */
export const OUTCOMES = ["unchanged", "deployed", "skipped", "failed", "rolled-back", "stranded"] as const;

export type Outcome = (typeof OUTCOMES)[number];
