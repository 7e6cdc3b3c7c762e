import { SkepError } from "#core";
import type { FleetPlan, HostReport, RolloutReport } from "#rollout";
import { hasChanges } from "#rollout";

/** What each exit code means. The documentation's table is this one. */
export const EXIT_CODES = {
  0: "every host is as wanted",
  1: "something in skep itself failed, or what was to be written could not be",
  2: "the command line or the hive is wrong, or nothing was selected",
  3: "the system of some host could not be evaluated or built",
  4: "a secret could not be opened or installed",
  5: "some host failed and is untouched, or was not begun",
  6: "some host was rolled back",
  7: "some host is stranded and needs hands",
  10: "`skep plan`: nothing failed, and there are changes to deploy",
  130: "the operator stopped the run",
} as const;

export type ExitCode = keyof typeof EXIT_CODES;

const OF_LAYER: Readonly<Record<string, ExitCode>> = { cli: 2, hive: 2, sandbox: 2, native: 3, nix: 3, secrets: 4 };

/** The exit code of a run: what its worst host says, unless the operator stopped it. */
export function exitCodeOfReport(report: RolloutReport): ExitCode {
  if (report.interrupted) return 130;
  const codes = report.hosts.map(exitCodeOfHost);
  const worst = codes.reduce((one, other) => (other > one ? other : one), 0);
  // Hosts that were not begun because of others say nothing that those do not say better.
  return worst === 0 && report.hosts.some(({ outcome }) => outcome === "skipped") ? 5 : worst;
}

/** The same of a run some of whose reports may not have been written, which is no host's fault and counts least. */
export function exitCodeOfTold(
  report: RolloutReport,
  { unwritten }: { readonly unwritten: readonly string[] },
): ExitCode {
  const code = exitCodeOfReport(report);
  return code === 0 && unwritten.length > 0 ? 1 : code;
}

/** The exit code of a plan: what its worst host says; where none failed, whether there is something to do. */
export function exitCodeOfPlan(plan: FleetPlan): ExitCode {
  const failed = plan.hosts.flatMap((host) => (host.status === "failed" ? [exitCodeOfFailure(host.error.code)] : []));
  if (failed.length > 0) return failed.reduce((worst, code) => (code > worst ? code : worst), 0);
  return hasChanges(plan) ? 10 : 0;
}

/** The exit code of a command that was ended by an error. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (!(error instanceof SkepError)) return 1;
  const code = String(error.code);
  if (code === "cli/file" || code === "cli/output") return 1;
  if (code === "rollout/interrupted") return 130;
  // What is wrong with a plan is wrong with what the command was given.
  return code.startsWith("rollout/plan-") ? 2 : (OF_LAYER[layerOf(code)] ?? 1);
}

function exitCodeOfHost(host: HostReport): ExitCode {
  switch (host.outcome) {
    case "unchanged":
    case "deployed":
    case "skipped":
      return 0;
    case "failed":
      return exitCodeOfFailure(host.error.code);
    case "rolled-back":
      return 6;
    case "stranded":
      return 7;
  }
}

function exitCodeOfFailure(error: string): ExitCode {
  const code = OF_LAYER[error.startsWith("activation/secrets") ? "secrets" : layerOf(error)];
  return code === 3 || code === 4 ? code : 5;
}

function layerOf(code: string): string {
  return code.split("/", 1)[0] ?? "";
}
