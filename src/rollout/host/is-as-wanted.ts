import type { HostFacts, SecretSet } from "#activation";
import { NO_SECRETS } from "#activation";
import type { Goal } from "#hive";
import { activates, persistsAfterReboot } from "#hive";
import type { StorePath } from "#store";

/** What a host is to have. */
export interface WantedState {
  /** Undefined where the goal brings secrets alone. */
  readonly toplevel: StorePath | undefined;
  readonly secrets: Pick<SecretSet, "id">;
}

/** Whether a host has reached the goal already. What was only pushed shows in the copy, which then finds nothing to do. */
export function isAsWanted(goal: Goal, { toplevel, secrets }: WantedState, facts: HostFacts): boolean {
  const { running, profile, cutCommit } = facts;
  const bootsWithThem = (facts.secrets.bootSet ?? NO_SECRETS) === secrets.id;
  // A system that is only being tried has its secrets for as long as it is tried.
  if (goal === "secrets") return hasSecrets(facts, secrets) && (bootsWithThem || running !== profile.system);
  if (!activates(goal) && !persistsAfterReboot(goal)) return false;
  const runsIt = !activates(goal) || (running === toplevel && hasSecrets(facts, secrets));
  const isDefault = profile.system === toplevel && bootsWithThem && cutCommit === undefined;
  const bootsIt = !persistsAfterReboot(goal) || isDefault;
  return runsIt && bootsIt;
}

/** Whether a host has a set of secrets in its memory, all of it. */
export function hasSecrets(
  { secrets: { set = NO_SECRETS, waiting } }: HostFacts,
  wanted: Pick<SecretSet, "id">,
): boolean {
  return set === wanted.id && waiting.length === 0;
}
