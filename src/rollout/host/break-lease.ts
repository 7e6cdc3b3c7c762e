import { hostname, userInfo } from "node:os";
import type { AgentStatus, HostAccess, LeaseHolder } from "#activation";
import { acquireLease, readLease, releaseLease, turnBackAgent } from "#activation";
import { systemClock } from "#core";
import { RolloutError } from "../errors.ts";
import { makeRunId } from "../run-id.ts";

/** What became of a lease that was broken. */
export interface BrokenLease {
  readonly holder: LeaseHolder;
  /** Where the agent of the run that held it ended; undefined when it had none there. */
  readonly agent: AgentStatus | undefined;
}

/** As long as going back may take: nobody else is to come in between. */
const TTL_MS = 900_000;
const TURN_BACK_TIMEOUT_MS = TTL_MS;

/**
 * Takes the lease of a host from whoever holds it, and gives it back. What that run has under way there goes back first.
 * @param run the run it is to be taken from; undefined: from any.
 * @returns undefined when nobody held it.
 * @throws RolloutError `rollout/lease-changed` when another run than that holds it.
 */
export async function breakLease(
  access: HostAccess,
  { run, signal }: { readonly run?: string | undefined; readonly signal: AbortSignal },
): Promise<BrokenLease | undefined> {
  const holder = await readLease(access, { signal });
  if (holder === undefined) return undefined;
  if (run !== undefined && holder.run !== run) {
    const message = `its lease was held by run ${run}, and is held by ${holder.owner} (run ${holder.run}) by now`;
    throw new RolloutError("rollout/lease-changed", message, { hint: "look again: skep lease ls" });
  }
  const own = `${makeRunId(new Date(systemClock.now()))}-break`;
  const owner = `${userInfo().username}@${hostname()}`;
  const request = { run: own, owner, reason: "skep lease break", ttlMs: TTL_MS, steal: true, signal };
  // Another run may have come in between: what it has under way is what has to go back now.
  const { takenFrom: robbed = holder } = await acquireLease(access, request);
  // Where this is broken off the lease stays until it expires: what goes back may be at it yet.
  const agent = await turnBackAgent(access, { run: robbed.run, timeoutMs: TURN_BACK_TIMEOUT_MS, signal });
  await releaseLease(access, { run: own });
  return { holder: robbed, agent };
}
