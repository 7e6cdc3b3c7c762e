import type { Check } from "#hive";
import { HealthError } from "./errors.ts";
import { times } from "./poll.ts";

/** How one check ended. */
export interface CheckResult {
  readonly check: Check;
  readonly passed: boolean;
  /** It did not pass before the deployment either, and so need not now. */
  readonly excused: boolean;
  /** It had passed as it should: what failed it came during the soak. */
  readonly failedInSoak: boolean;
  readonly attempts: number;
  /** How often its unit was restarted during the soak. */
  readonly restarts: number;
  /** What the last attempts saw, oldest first, repeats left out. */
  readonly lastSeen: readonly string[];
  /** Where it failed: the last lines that its unit, or units that failed, wrote to the host's journal. */
  readonly details: readonly string[];
  /** A command that shows more, and where to type it; undefined where there is none. */
  readonly look: string | undefined;
}

/** @throws HealthError `health/failed` naming each check that failed, but for the excused, and what it last saw. */
export function assertHealthy(results: readonly CheckResult[]): void {
  const failed = results.filter(({ passed, excused }) => !passed && !excused);
  if (failed.length === 0) return;
  throw new HealthError("health/failed", `not healthy: ${failed.map(describeFailure).join("; ")}`, {
    hint: hintFor(failed),
    details: detailsOf(failed),
  });
}

const MOST_LOOKS = 3;

function hintFor(failed: readonly CheckResult[]): string {
  const looks = [...new Set(failed.flatMap(({ look }) => look ?? []))].slice(0, MOST_LOOKS);
  const advice = failed.some(({ failedInSoak }) => failedInSoak)
    ? []
    : ["give the check a longer deadline if it only needs more time"];
  return [...(looks.length === 0 ? ["see the service's journal on the host"] : looks), ...advice].join("; ");
}

/** The journal lines of some results, each once: to be shown as lines of the host. */
export function detailsOf(results: readonly CheckResult[]): readonly string[] {
  return [...new Set(results.flatMap(({ details }) => details))];
}

/** What is worth telling of results although it fails nobody: excused checks that do not pass, and restarts of units. */
export function noticesOf(results: readonly CheckResult[]): readonly string[] {
  return results.flatMap(({ check, passed, excused, restarts, lastSeen }) => {
    if (!passed && excused) {
      return [`${check.name} does not pass, and did not before the deployment: ${lastSeen.at(-1) ?? ""}`];
    }
    return passed && restarts > 0 ? [`${check.name} passes, but was restarted ${times(restarts)} during the soak`] : [];
  });
}

function describeFailure({ check, attempts, failedInSoak, restarts, lastSeen }: CheckResult): string {
  const seen = lastSeen.join(", then ");
  if (!failedInSoak) return `${check.name} (tried ${times(attempts)}: ${seen})`;
  const why = restarts >= check.failures ? `restarted ${times(restarts)}` : `failed ${times(check.failures)} in a row`;
  return `${check.name} (passed, then ${why} during the soak: ${seen})`;
}
