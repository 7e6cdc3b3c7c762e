import type { RolloutHappening } from "#rollout";
import type { VirtualClock } from "../clock/virtual-clock.ts";
import { SimulationError } from "../errors.ts";
import type { SimulatedHost } from "../host/simulated-host.ts";
import { acquireLease, releaseLease } from "../host/simulated-lease.ts";
import type { Fault, FaultTime, HostFault, OperatorFault, SecondOperatorFault } from "./fault.ts";
import { isOperatorFault, isSystemFault } from "./fault.ts";

const LEASE_STOLEN_MS = 60_000;

export interface StrikeFaultsOptions {
  readonly hosts: ReadonlyMap<string, SimulatedHost>;
  readonly clock: VirtualClock;
  readonly operate: (kind: OperatorFault["kind"]) => void;
  /** Called as each fault strikes. */
  readonly onStrike: (fault: Fault) => void;
  readonly onSecondOperator: (fault: SecondOperatorFault) => void;
}

/** Faults as they strike. */
export interface Strikes {
  /** To be told of each event of the run. */
  readonly note: (happening: RolloutHappening) => void;
  /** When one struck, in milliseconds since the run began; undefined when it did not. */
  readonly at: (fault: Fault) => number | undefined;
}

/**
 * Sees to it that everything goes wrong when it is to.
 * @throws SimulationError `simulation/invalid` when there is no such host.
 */
export function strikeFaults(
  faults: readonly Fault[],
  { hosts, clock, operate, onStrike, onSecondOperator }: StrikeFaultsOptions,
): Strikes {
  const startedAt = clock.monotonic();
  const struck = new Map<Fault, number>();
  const atSteps = new Map<string, (() => void)[]>();
  for (const fault of faults) {
    const host = hostOf(fault, hosts);
    if (isSystemFault(fault)) {
      if (host !== undefined) host.faults = [...host.faults, fault];
      struck.set(fault, 0);
      continue;
    }
    const strike = (): void => {
      struck.set(fault, clock.monotonic() - startedAt);
      onStrike(fault);
      if (fault.kind === "second-operator") onSecondOperator(fault);
      else if (isOperatorFault(fault)) operate(fault.kind);
      else if (host !== undefined) strikeHost(host, fault);
    };
    const when: FaultTime = fault.when ?? { atMs: 0 };
    if ("atMs" in when) {
      clock.after(when.atMs, strike);
    } else {
      const { step, afterMs = 0 } = when;
      const key = `${host?.name ?? ""} ${step}`;
      atSteps.set(key, [...(atSteps.get(key) ?? []), () => void clock.after(afterMs, strike)]);
    }
  }
  return {
    note(happening) {
      if (happening.type !== "step-started") return;
      const key = `${happening.host} ${happening.step}`;
      const due = atSteps.get(key);
      if (due === undefined) return;
      atSteps.delete(key);
      for (const begin of due) begin();
    },
    at: (fault) => struck.get(fault),
  };
}

function hostOf(fault: Fault, hosts: ReadonlyMap<string, SimulatedHost>): SimulatedHost | undefined {
  if (!("host" in fault)) return undefined;
  const host = hosts.get(fault.host);
  if (host !== undefined) return host;
  throw new SimulationError("simulation/invalid", `there is no host ${fault.host} for ${fault.kind} to happen to`, {
    hint: "made-up hosts are called host-1, host-2 and so on",
  });
}

function strikeHost(host: SimulatedHost, fault: HostFault): void {
  const later = (ms: number | undefined, work: () => void): void => {
    if (ms !== undefined && Number.isFinite(ms)) host.clock.after(ms, work);
  };
  switch (fault.kind) {
    case "connection-lost":
      host.refusesLogins = true;
      host.breakConnections();
      later(fault.forMs ?? 0, () => {
        host.refusesLogins = false;
      });
      break;
    case "network-cut":
      host.setNetwork(false);
      later(fault.forMs, () => {
        host.setNetwork(true);
      });
      break;
    case "dead":
      host.cutCurrent();
      later(fault.forMs, () => {
        host.restoreCurrent();
      });
      break;
    case "reboot":
      host.reboot();
      break;
    case "agent-killed":
      for (const run of host.runs.values()) run.kill?.();
      break;
    case "disk-full":
      host.isDiskFull = true;
      later(fault.forMs, () => {
        host.isDiskFull = false;
      });
      break;
    case "run-full":
      host.isRunFull = true;
      later(fault.forMs, () => {
        host.isRunFull = false;
      });
      break;
    case "lease-stolen":
      if (host.isUp) stealLease(host, fault.forMs ?? LEASE_STOLEN_MS);
      break;
  }
}

/** As `skep deploy --steal-lease` does: what is under way there goes back first. */
function stealLease(host: SimulatedHost, ttlMs: number): void {
  const run = "another-run";
  acquireLease(host, { run, owner: "ada@elsewhere", reason: "skep deploy switch", ttlMs, steal: true });
  for (const other of host.runs.values()) if (!other.isOver) other.decide("stolen");
  host.clock.after(ttlMs, () => {
    releaseLease(host, run);
  });
}
