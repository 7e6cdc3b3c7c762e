import type { RolloutHappening } from "#rollout";
import type { SimulatedHost } from "./host/simulated-host.ts";
import type { SimulatedRun } from "./host/simulated-run.ts";
import type { Outage } from "./outages.ts";

/** A host that ran what it was never told to keep, longer than its agent may take. */
export interface Overdue {
  readonly host: string;
  readonly run: string;
}

/** Sees what really happens on hosts while a run goes on, whatever the run believes. */
export interface FleetWatch {
  /** What the run says of a host. */
  note(happening: RolloutHappening): void;
  /** Counts what is still unavailable until now. */
  outages(): readonly Outage[];
  readonly overdue: readonly Overdue[];
  /** Hosts that an agent of this run was started on. */
  readonly activated: ReadonlySet<string>;
}

/** Of the fleet's agents only those of this run, and of its reverts, are looked at. */
export function watchFleet(hosts: ReadonlyMap<string, SimulatedHost>, { run }: { readonly run: string }): FleetWatch {
  const ended: Outage[] = [];
  const awaySince = new Map<string, number>();
  const stranded = new Set<string>();
  const overdue: Overdue[] = [];
  const activated = new Set<string>();
  const seen = new WeakSet<SimulatedRun>();
  const [anyHost] = hosts.values();
  const startedAt = anyHost?.clock.monotonic() ?? 0;
  const elapsed = (): number => (anyHost?.clock.monotonic() ?? 0) - startedAt;

  const back = (name: string): void => {
    const fromMs = awaySince.get(name);
    if (fromMs === undefined || stranded.has(name)) return;
    awaySince.delete(name);
    ended.push({ host: name, fromMs, toMs: elapsed() });
  };
  const look = (host: SimulatedHost): void => {
    const ours = [...host.runs.values()].filter(({ order }) => order.run.startsWith(run));
    for (const one of ours) {
      if (seen.has(one)) continue;
      seen.add(one);
      activated.add(host.name);
      host.clock.after(one.order.longestMs, () => {
        if (isOverdue(host, one)) overdue.push({ host: host.name, run: one.order.run });
      });
    }
    const isAtWork = ours.some((one) => one.state === "stranded" || (!one.isOver && one.order.goal !== "boot"));
    if (isAtWork || host.isRebootingForRun) {
      if (!awaySince.has(host.name)) awaySince.set(host.name, elapsed());
    } else if (host.isUp) {
      back(host.name);
    }
  };
  for (const host of hosts.values()) {
    host.onChange = () => {
      look(host);
    };
  }
  return {
    overdue,
    activated,
    note(happening) {
      if (happening.type !== "host-finished") return;
      if (happening.report.outcome !== "stranded") {
        // A run that was resumed has found it.
        const machine = stranded.delete(happening.host) ? hosts.get(happening.host) : undefined;
        if (machine !== undefined) look(machine);
        return;
      }
      const { host, error } = happening.report;
      // It runs on with what was deployed; or its agent is at work, which is seen.
      if (error.code === "rollout/not-reverted" || error.code === "rollout/interrupted") return;
      stranded.add(host);
      if (!awaySince.has(host)) awaySince.set(host, elapsed());
    },
    outages() {
      const still = [...awaySince].map(([host, fromMs]) => ({ host, fromMs, toMs: elapsed() }));
      return [...ended, ...still].sort((one, other) => one.fromMs - other.fromMs);
    },
  };
}

/** What is kept until the next boot was confirmed, too. */
function isOverdue(host: SimulatedHost, run: SimulatedRun): boolean {
  const { toplevel, previous, goal } = run.order;
  if (!host.isUp || goal === "boot" || goal === "secrets" || toplevel === previous) return false;
  // The same run may have had its way at a second try; what was committed may have been followed by another boot default.
  const isKept = [run, ...host.runs.values()].some(
    (one) => (one.state === "kept" || one.state === "committed") && one.order.toplevel === toplevel,
  );
  return host.running === toplevel && host.boots !== toplevel && !isKept;
}
