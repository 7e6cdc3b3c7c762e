import type { HostAccess } from "#activation";
import { acquireLease, releaseLease, renewLease, turnBackAgent } from "#activation";
import { startDeadline } from "#core";
import type { DeployContext } from "./deploy-context.ts";
import type { HostLog } from "./host-log.ts";
import { leasePatience } from "./lease-patience.ts";

/** A lease that is renewed until it is disposed of, and then given back. */
export interface KeptLease extends AsyncDisposable {
  /** Aborts when the lease was lost to another run, or the hosts are to be left. */
  readonly signal: AbortSignal;
}

/** How long a host is held without being renewed. */
export const LEASE_TTL_MS = 120_000;
const RENEW_EVERY_MS = 40_000;
const TURN_BACK_TIMEOUT_MS = 900_000;
const RELEASE_TIMEOUT_MS = 5_000;

/** Takes the lease of a host for the run. What another run left under way there goes back first. */
export async function keepLease(
  access: HostAccess,
  { log, context }: { readonly log: HostLog; readonly context: DeployContext },
): Promise<KeptLease> {
  const { run, clock, stop, leave } = context;
  const reason = `skep deploy ${run.goal}`;
  const request = {
    run: run.id,
    owner: run.operator,
    reason,
    ttlMs: LEASE_TTL_MS,
    steal: run.stealLease,
    wait: leasePatience(log, { timeoutMs: run.leaseTimeoutMs, clock, stop }),
    signal: leave,
  };
  const { takenFrom } = await acquireLease(access, request);
  const lost = new AbortController();
  const ended = new AbortController();
  const signal = AbortSignal.any([leave, lost.signal]);
  const renewing = renewUntil(ended.signal);

  async function renewUntil(end: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await clock.sleep(RENEW_EVERY_MS, { signal: end });
        await renewLease(access, { run: run.id, ttlMs: LEASE_TTL_MS, signal: end });
      }
    } catch (error) {
      if (!end.aborted) lost.abort(error);
    }
  }

  const kept: KeptLease = {
    signal,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await renewing;
      using deadline = startDeadline(RELEASE_TIMEOUT_MS, {
        clock,
        reason: () => new Error("the lease is left to expire"),
      });
      try {
        await releaseLease(access, { run: run.id, signal: deadline.signal });
      } catch {
        // The connection is gone, or was closed after the proof: the agent gave the lease back, or it expires.
      }
    },
  };
  if (takenFrom !== undefined) {
    const how = takenFrom.expiresInMs > 0 ? "took the lease from" : "took over the expired lease of";
    log.notice(`${how} ${takenFrom.owner} (run ${takenFrom.run})`);
    try {
      await turnBackAgent(access, { run: takenFrom.run, timeoutMs: TURN_BACK_TIMEOUT_MS, signal });
    } catch (error) {
      // What goes back may be at it yet: the lease is left to expire.
      ended.abort();
      await renewing;
      throw error;
    }
  }
  return kept;
}
