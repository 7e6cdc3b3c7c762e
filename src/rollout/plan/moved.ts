import type { DeploymentRecord, HostAccess, HostFacts } from "#activation";
import { NO_SECRETS, readPlanFacts } from "#activation";
import type { StorePath } from "#store";
import { tookBack } from "../history/deployment-of.ts";
import { PlanError } from "./errors.ts";
import type { HostState } from "./fleet-plan.ts";

/** Whether a host is not as it was when the plan was made. Secrets that a reboot took are no move. */
export function hasMoved(then: HostState, { running, profile, secrets: { set } }: HostFacts): boolean {
  if ((running ?? null) !== then.running || (profile.system ?? null) !== then.profile) return true;
  return set !== undefined && (set === NO_SECRETS ? then.secrets !== NO_SECRETS : set !== then.secrets);
}

/** The error about a host that has moved, with who moved it, as far as the host's own records tell. */
export async function movedError(
  access: HostAccess,
  { then, facts, signal }: { readonly then: HostState; readonly facts: HostFacts; readonly signal: AbortSignal },
): Promise<PlanError> {
  const lastDeployment = await lastDeploymentOn(access, signal);
  const now = { running: facts.running ?? null, profile: facts.profile.system ?? null };
  return new PlanError(
    "rollout/moved",
    `it has moved since the plan was made: ${describe(then, now)}; ${byWhom(lastDeployment, { then, now })}`,
    {
      hint: "look at what was done there, then make a new plan",
    },
  );
}

/** What a host says of who moved it. That it has moved is so, whatever becomes of that question. */
async function lastDeploymentOn(access: HostAccess, signal: AbortSignal): Promise<DeploymentRecord | undefined> {
  try {
    return (await readPlanFacts(access, { units: [], signal })).lastDeployment;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

type Systems = Pick<HostState, "running" | "profile">;

function describe(then: Systems, now: Systems): string {
  if (then.running !== now.running) return `it ran ${named(then.running)}, and runs ${named(now.running)}`;
  if (then.profile !== now.profile) return `it was to boot ${named(then.profile)}, and boots ${named(now.profile)}`;
  return "its secrets are others";
}

function named(path: StorePath | null): string {
  return path ?? "no system of ours";
}

function byWhom(
  record: DeploymentRecord | undefined,
  { then, now }: { readonly then: HostState; readonly now: Systems },
): string {
  const isOfNow = record !== undefined && (record.to === now.running || record.to === now.profile);
  if (!isOfNow) return "nobody left a record of that on it";
  const { who, goal, at, run, hive, to } = record;
  if (to === then.running && to === then.profile && goal !== "secrets") return "nobody left a record of that on it";
  const revision = hive.revision === null ? "" : `, ${hive.name} at ${hive.revision.slice(0, 12)}`;
  return `${who} deployed it (${tookBack(record) ? "rollback" : goal}) at ${at}, run ${run}${revision}${hive.dirty ? ", changed" : ""}`;
}
