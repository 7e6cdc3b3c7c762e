import type { Outcome } from "../outcome.ts";
import type { HostReport } from "../rollout-report.ts";

/** Whether a host ended as nobody wants it. One that was never begun did not. */
export function endedBadly({ outcome }: Pick<HostReport, "outcome">): boolean {
  return outcome === "failed" || outcome === "rolled-back" || outcome === "stranded";
}

/** How many hosts of a wave and of a run may end badly. */
export interface Budgets {
  readonly wave: number;
  readonly run: number;
}

/** Whether a wave may go on, with what ended badly so far: why not, if not. */
export function judgeWave(
  wave: string,
  {
    badOfWave,
    badOfRun,
    budgets,
  }: {
    readonly badOfWave: readonly HostReport[];
    readonly badOfRun: readonly HostReport[];
    readonly budgets: Budgets;
  },
): string | undefined {
  if (badOfWave.length > budgets.wave) return tooMany(badOfWave, `wave ${wave}`, budgets.wave);
  if (badOfRun.length <= budgets.run) return undefined;
  return tooMany(badOfRun, badOfWave.length === badOfRun.length ? `wave ${wave}` : "the run", budgets.run);
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
