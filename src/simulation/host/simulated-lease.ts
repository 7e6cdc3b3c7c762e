/** The lease of a simulated host, as activation/lease.ts keeps it on a real one. */
import type { SimulatedHost } from "./simulated-host.ts";

export function renewLease(
  host: SimulatedHost,
  { run, ttlMs }: { readonly run: string; readonly ttlMs: number },
): boolean {
  if (host.lease?.run !== run) return false;
  const expiresMs = Math.max(host.lease.expiresMs, host.uptimeMs + ttlMs);
  if (expiresMs === host.lease.expiresMs) return true;
  if (host.isRunFull) return false;
  host.lease = { ...host.lease, expiresMs };
  return true;
}

export interface LeaseTaking {
  readonly run: string;
  readonly owner: string;
  readonly reason: string;
  readonly ttlMs: number;
  readonly steal: boolean;
}

/** @returns whether it was taken; or that it could not be written. Who held it is to be read before. */
export function acquireLease(host: SimulatedHost, taking: LeaseTaking): "taken" | "held" | "no-room" {
  const { run, owner, reason, ttlMs, steal } = taking;
  if (renewLease(host, { run, ttlMs })) return "taken";
  // A run and its way back are of one operator at a time.
  const isSame = host.lease !== undefined && withoutRevert(host.lease.run) === withoutRevert(run);
  if (host.lease !== undefined && !isSame && !steal && host.lease.expiresMs > host.uptimeMs) return "held";
  if (host.isRunFull) return "no-room";
  const taken = Math.floor(host.clock.now() / 1000);
  host.lease = { run, owner, reason, taken, expiresMs: host.uptimeMs + ttlMs };
  return "taken";
}

function withoutRevert(run: string): string {
  return run.replace(/-revert$/, "");
}

export function releaseLease(host: SimulatedHost, run: string): void {
  if (host.lease?.run === run) host.lease = undefined;
}

/** The lines that a script prints of who holds it. */
export function sayHolder({ lease, uptimeMs }: SimulatedHost): string {
  if (lease === undefined) return "";
  const { run, owner, reason, taken, expiresMs } = lease;
  const left = Math.floor(expiresMs / 1000) - Math.floor(uptimeMs / 1000);
  const lines = { run, owner, reason, taken, expires: Math.floor(expiresMs / 1000), left };
  return Object.entries(lines)
    .map(([key, value]) => `holder.${key}=${value}\n`)
    .join("");
}
