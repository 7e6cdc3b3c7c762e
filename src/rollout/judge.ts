import type { Outcome } from "./outcome.ts";
import type { HostReport } from "./rollout-report.ts";

/** Whether a host ended as nobody wants it. One that was never begun did not. */
export function endedBadly({ outcome }: Pick<HostReport, "outcome">): boolean {
  return outcome === "failed" || outcome === "rolled-back" || outcome === "stranded";
}

/** How many hosts of a wave and of a run may end badly. */
export interface Budgets {
  readonly wave: number;
  readonly run: number;
}

/**
 * Whether a wave may go on: why not, if not.
 * @param ended those of the wave that ended so far.
 */
export function judgeWave(
  wave: string,
  {
    ended,
    run,
    budgets,
  }: { readonly ended: readonly HostReport[]; readonly run: readonly HostReport[]; readonly budgets: Budgets },
): string | undefined {
  const bad = ended.filter(endedBadly);
  if (bad.length > budgets.wave) return tooMany(bad, `wave ${wave}`, budgets.wave);
  const badOfRun = run.filter(endedBadly);
  if (badOfRun.length > budgets.run)
    return tooMany(badOfRun, bad.length === badOfRun.length ? `wave ${wave}` : "the run", budgets.run);
  return undefined;
}

function tooMany(bad: readonly HostReport[], of: string, allowed: number): string {
  const [first] = bad;
  if (first !== undefined && bad.length === 1) return `${first.host} of ${of} ${FATES[first.outcome]}`;
  const bound = allowed === 0 ? "" : ` (${allowed} may)`;
  return `${bad.length} hosts of ${of} did not end well${bound}`;
}

const FATES: Readonly<Record<Outcome, string>> = {
  unchanged: "is unchanged",
  deployed: "was deployed",
  skipped: "was skipped",
  failed: "failed",
  "rolled-back": "was rolled back",
  stranded: "is stranded",
};
