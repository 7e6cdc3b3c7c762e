import type { HostState } from "#activation";
import { describeRebootNeed, isRebootNeeded, NO_SECRETS } from "#activation";
import type { SkepErrorJson } from "#core";
import type { Drift, KnownDeployment, WantedSystem } from "#rollout";
import { deploymentOf, findDrift, holderOf } from "#rollout";
import type { HostStatus as SecretsStatus, WantedSet } from "../secrets/host-status.ts";
import { stateOfSecrets } from "../secrets/host-status.ts";

/** What the hive wants of a host, as far as it was asked. */
export interface Wanted {
  readonly system: WantedSystem;
  readonly secrets: WantedSet;
}

/** How a host stands, and how that is to what it should be. */
export interface HostStatus {
  /** `deploying`: a run holds it, and it is not as it should be; that is not drift yet. */
  readonly state: "drift" | "deploying" | "unknown" | "unwell" | "ok";
  readonly found: HostState;
  /** Undefined when the hive was not asked. */
  readonly wanted: Wanted | undefined;
  /** What brought the system that it runs; undefined when nobody wrote that down. */
  readonly deployment: KnownDeployment | undefined;
  readonly drift: readonly Drift[];
  /** Why it needs a reboot; undefined when it does not. */
  readonly rebootNeed: string | undefined;
  /** `in-use`: it has some, and the hive was not asked which. */
  readonly secrets: SecretsStatus["state"] | "in-use";
  /** Why it is not known what the hive wants. */
  readonly problems: readonly SkepErrorJson[];
}

/** Judges what was found on a host. Pure. */
export function judgeStatus(
  found: HostState,
  { host, wanted }: { readonly host: string; readonly wanted: Wanted | undefined },
): HostStatus {
  const { facts, rebootNeed } = found;
  const problems = wanted === undefined ? [] : problemsOf(wanted);
  const toplevel = wanted !== undefined && "toplevel" in wanted.system ? wanted.system.toplevel : undefined;
  const secrets = secretsOf(found, wanted);
  const drift = [...findDrift(found, toplevel), ...secretsDrift(found, { host, secrets })];
  return {
    state: stateOf({ drift, problems, found }),
    found,
    wanted,
    deployment: deploymentOf(found, facts.running),
    drift,
    rebootNeed: rebootNeed !== undefined && isRebootNeeded(rebootNeed) ? describeRebootNeed(rebootNeed) : undefined,
    secrets,
    problems,
  };
}

function stateOf({ drift, problems, found }: Pick<HostStatus, "drift" | "problems" | "found">): HostStatus["state"] {
  if (drift.length > 0) return holderOf(found.facts) === undefined ? "drift" : "deploying";
  if (problems.length > 0) return "unknown";
  return found.facts.failedUnits.length > 0 ? "unwell" : "ok";
}

function problemsOf({ system, secrets }: Wanted): readonly SkepErrorJson[] {
  return ["error" in system ? [system.error] : [], "problem" in secrets ? [secrets.problem] : []].flat();
}

function secretsOf({ facts }: HostState, wanted: Wanted | undefined): HostStatus["secrets"] {
  if (wanted !== undefined) return stateOfSecrets(facts, "id" in wanted.secrets ? wanted.secrets.id : undefined);
  if (facts.secrets.waiting.length > 0) return "waiting";
  return facts.secrets.generation === undefined ? "none" : "in-use";
}

function secretsDrift(
  { facts }: HostState,
  { host, secrets }: { readonly host: string; readonly secrets: HostStatus["secrets"] },
): readonly Drift[] {
  const { waiting, set = NO_SECRETS, bootSet = NO_SECRETS } = facts.secrets;
  const command = `skep deploy secrets --on ${host}`;
  const drift = (message: string): readonly Drift[] => [{ kind: "secrets", message }];
  switch (secrets) {
    case "waiting": {
      const verb = waiting.length === 1 ? "waits" : "wait";
      return drift(`its secrets ${waiting.join(", ")} ${verb} for the operator since it was booted: ${command}`);
    }
    case "missing":
      return drift(`none of its secrets is there: ${command}`);
    case "stale":
      return drift(
        set === bootSet
          ? `it has other secrets than the hive wants: ${command}`
          : `the secrets that it has, or those that it opens at boot, are not what the hive wants: ${command}`,
      );
    case "ok":
    case "none":
    case "broken":
    case "in-use":
      return [];
  }
}
