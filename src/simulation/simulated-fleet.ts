import { setMaxListeners } from "node:events";
import type { Goal, Host, HostName, Limits, RolloutPolicy } from "#hive";
import type { Outcome, PreparedSecrets, RolloutEvent, RolloutHappening, RolloutReport, Run } from "#rollout";
import { planRollout, runRollout } from "#rollout";
import type { Connection } from "#ssh";
import { makeSecretSet } from "#activation";
import type { Fault, OperatorFault } from "./fault.ts";
import { simulatedGates } from "./simulated-gates.ts";
import type { Outage } from "./outages.ts";
import { mostUnavailable } from "./outages.ts";
import type { Random } from "./random.ts";
import { createRandom } from "./random.ts";
import type { SimulatedConnection } from "./simulated-connection.ts";
import { logInToSimulated } from "./simulated-connection.ts";
import type { HostPace } from "./simulated-host.ts";
import { SimulatedHost } from "./simulated-host.ts";
import { openSimulatedStore } from "./simulated-store.ts";
import { BASE_PATH, closuresOf, simulatedSystem } from "./simulated-systems.ts";
import type { HostStanding, Systems } from "./standing.ts";
import { standingOf } from "./standing.ts";
import { standInCheck } from "./stand-in-checks.ts";
import { strikeFaults } from "./strike-faults.ts";
import type { VirtualClock } from "./virtual-clock.ts";
import { createVirtualClock } from "./virtual-clock.ts";
import type { Overdue } from "./watch-fleet.ts";
import { watchFleet } from "./watch-fleet.ts";

/** When simulated time begins: the same in every run. */
const BEGIN = Date.UTC(2026, 0, 1);
/** After a run, until its hosts are looked at for the last time: no agent and no lease lasts as long. */
const AFTERWARDS_MS = 4 * 3_600_000;

export interface FleetOptions {
  readonly seed: number;
  /** All hosts of the hive, which selections are about. Default: those of the fleet. */
  readonly hive?: readonly Host[] | undefined;
  /** Hosts that have no system of ours yet; the others have the release `v1`. */
  readonly isNew?: ((host: Host) => boolean) | undefined;
}

export interface DeployFleetOptions {
  /** What the hosts are to get: a word. Hosts begin with `v1`. */
  readonly release: string;
  /** Hosts that are to get what they have. */
  readonly isUpToDate?: ((host: Host) => boolean) | undefined;
  readonly goal: Goal;
  readonly policy: RolloutPolicy;
  readonly limits: Limits;
  readonly faults: readonly Fault[];
  readonly stealLease?: boolean | undefined;
}

/** What became of one host. */
export interface SimulatedEnd {
  /** Undefined when the operator was killed before the host was done. */
  readonly outcome: Outcome | undefined;
  /** Where it was in the moment that the run was done with it. */
  readonly whenFinished: HostStanding | undefined;
  /** Where it is hours later, when everything has come to its end. */
  readonly finally: HostStanding;
  /** Whether an agent of this run was ever started on it. */
  readonly wasActivated: boolean;
}

/** Something worth a line. */
export interface TimelineEntry {
  /** Milliseconds since the run began. */
  readonly atMs: number;
  readonly host: string | undefined;
  readonly what: string;
}

/** What a simulated run came to. */
export interface SimulatedRollout {
  /** Undefined when the operator was killed: then there is nobody to tell. */
  readonly report: RolloutReport | undefined;
  readonly events: readonly RolloutEvent[];
  readonly hosts: ReadonlyMap<string, SimulatedEnd>;
  /** Waves, faults, and hosts that did not end well, in the order they came. */
  readonly timeline: readonly TimelineEntry[];
  readonly outages: readonly Outage[];
  /** The largest number of hosts that were unavailable at one time. */
  readonly mostUnavailable: number;
  /** Hosts that ran an unconfirmed system after their agent had to be at its end. Must be none. */
  readonly overdue: readonly Overdue[];
}

/** Hosts that do not exist, and a clock on which nothing takes time. May be deployed to again and again. */
export class SimulatedFleet {
  readonly clock: VirtualClock = createVirtualClock(BEGIN);
  readonly machines: ReadonlyMap<string, SimulatedHost>;
  readonly #hosts: readonly Host[];
  readonly #hive: readonly Host[];
  #runs = 0;

  constructor(hosts: readonly Host[], { seed, hive = hosts, isNew = () => false }: FleetOptions) {
    this.#hive = hive;
    const random = createRandom(seed);
    // What they ask really, nobody can ask here.
    this.#hosts = hosts.map((host) => ({ ...host, checks: host.checks.map(standInCheck) }));
    this.machines = new Map(
      hosts.map((host) => {
        const system = isNew(host) ? undefined : simulatedSystem(host.name, "v1");
        const pace = paceOf(random);
        const { clock } = this;
        const machine = new SimulatedHost({
          ...{ name: host.name, nixos: host.system.kind !== "native", system, pace, clock },
          random: createRandom(random.between(0, 0xffff_ffff)),
        });
        machine.store.add(BASE_PATH);
        return [host.name, machine] as const;
      }),
    );
  }

  /** One run of the rollout that real hosts get, and what came of it. */
  async deploy(options: DeployFleetOptions): Promise<SimulatedRollout> {
    const { clock, machines } = this;
    const { release, goal, policy, limits, faults, stealLease = false, isUpToDate = () => false } = options;
    this.#runs += 1;
    const startedAt = clock.monotonic();
    const run: Run = {
      id: `20260101-000000-${String(this.#runs).padStart(4, "0")}`,
      ...{ goal, stealLease, startedAt: clock.now(), operator: "you@simulated" },
      revision: { name: "simulated", revision: null, dirty: false },
    };
    const systems = new Map<string, Systems>();
    const closureOf = closuresOf(release);
    const prepared = new Map<HostName, { readonly closure: ReturnType<typeof closureOf> }>();
    for (const host of this.#hosts) {
      const machine = this.#machine(host.name);
      const wanted = (isUpToDate(host) ? machine.running : undefined) ?? simulatedSystem(host.name, release);
      machine.faults = [];
      machine.wanted = wanted;
      systems.set(host.name, { old: machine.running, new: wanted });
      prepared.set(host.name, { closure: closureOf(wanted) });
    }
    const plan = planRollout(run, {
      ...{ hosts: this.#hosts, hive: this.#hive, policy: simulatedGates(policy, clock), limits, prepared },
      secrets: new Map(this.#hosts.map((host) => [host.name, standInSecrets(host)])),
    });

    const events: RolloutEvent[] = [];
    const timeline: TimelineEntry[] = [];
    const tell = (what: string, host?: string): void => {
      timeline.push({ atMs: clock.monotonic() - startedAt, host, what });
    };
    const ends = new Map<string, Pick<SimulatedEnd, "outcome" | "whenFinished">>();
    const standing = (name: string): HostStanding =>
      standingOf(this.#machine(name), systems.get(name) ?? { old: undefined, new: undefined });
    const watch = watchFleet(machines, { run: run.id });
    const operator = openOperator();
    const noteFaults = strikeFaults(faults, {
      ...{ hosts: machines, clock, operate: operator.operate },
      onStrike: (fault) => {
        tell(fault.kind, "host" in fault ? fault.host : undefined);
      },
    });
    const emit = (happening: RolloutHappening): void => {
      if (operator.isKilled) return;
      events.push({ at: clock.now(), ...happening });
      watch.note(happening);
      noteFaults(happening);
      if (happening.type === "host-finished") {
        const { host, outcome } = happening.report;
        ends.set(host, { outcome, whenFinished: standing(host) });
      }
      const line = describe(happening);
      if (line !== undefined) tell(line.what, line.host);
    };
    const report = await clock.runUntil(
      runRollout(plan, {
        ...{ emit, clock, events, stop: operator.stop, leave: operator.leave, ssh: {} },
        confirm: () => Promise.resolve(true),
        ports: {
          logIn: async (host, { signal }) => {
            const address = { host: host.target.host, port: host.target.port ?? 22, user: host.target.user ?? "root" };
            return operator.hold(await logInToSimulated(this.#machine(host.name), { address, signal }));
          },
          openHostStore: (host, { connection }) =>
            Promise.resolve(openSimulatedStore(this.#machine(host.name), connection)),
        },
      }),
    );
    const outages = watch.outages();
    await clock.advance(AFTERWARDS_MS);
    return {
      report: operator.isKilled ? undefined : report,
      events,
      timeline,
      outages,
      mostUnavailable: mostUnavailable(outages),
      overdue: watch.overdue,
      hosts: new Map(
        this.#hosts.map(({ name }) => {
          const { outcome, whenFinished } = ends.get(name) ?? { outcome: undefined, whenFinished: undefined };
          return [name, { outcome, whenFinished, finally: standing(name), wasActivated: watch.activated.has(name) }];
        }),
      ),
    };
  }

  /** Takes all that went wrong back: hosts get power and network, and room on their disks. */
  mend(): void {
    for (const machine of this.machines.values()) machine.mend();
  }

  #machine(name: string): SimulatedHost {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`there is no simulated host ${name}`);
    return machine;
  }
}

function paceOf(random: Random): HostPace {
  return {
    roundTripMs: random.between(2, 120),
    loginMs: random.between(80, 600),
    switchMs: random.between(3_000, 20_000),
    bootLoaderMs: random.between(300, 3_000),
    rebootMs: random.between(15_000, 90_000),
    bytesPerSecond: random.between(5, 100) * 1024 * 1024,
  };
}

function standInSecrets(host: Host): PreparedSecrets {
  const secrets = host.secrets.map((use) => ({
    use: { ...use, open: "host" as const },
    content: { open: "host" as const, ciphertext: Buffer.from(use.name) },
  }));
  return { secrets: makeSecretSet(secrets, host) };
}

/** The operator's hands, and the connections in them. */
interface Operator {
  readonly stop: AbortSignal;
  readonly leave: AbortSignal;
  readonly isKilled: boolean;
  readonly operate: (kind: OperatorFault["kind"]) => void;
  /** Keeps a connection that ends with the operator. */
  hold(connection: SimulatedConnection): Promise<Connection>;
}

function openOperator(): Operator {
  const stop = new AbortController();
  const leave = new AbortController();
  setMaxListeners(0, stop.signal, leave.signal);
  const held = new Set<SimulatedConnection>();
  let isKilled = false;
  return {
    stop: stop.signal,
    leave: leave.signal,
    get isKilled() {
      return isKilled;
    },
    operate(kind) {
      if (kind === "operator-killed") {
        isKilled = true;
        // First, so that nothing which tidies up reaches a host.
        for (const connection of [...held]) void connection[Symbol.asyncDispose]();
      }
      stop.abort(new Error("the operator stopped the run"));
      if (kind !== "operator-stops") leave.abort(new Error("the operator left"));
    },
    async hold(connection) {
      held.add(connection);
      connection.onEnd = () => held.delete(connection);
      if (isKilled) await connection[Symbol.asyncDispose]();
      return connection;
    },
  };
}

/** What of a run is worth a line in the timeline. */
function describe(happening: RolloutHappening): { readonly what: string; readonly host?: string } | undefined {
  switch (happening.type) {
    case "wave-started":
      return { what: `wave ${happening.wave} begins, ${happening.hosts.length} hosts` };
    case "wave-finished":
      return { what: `wave ${happening.wave} ends${happening.stopped === undefined ? "" : `: ${happening.stopped}`}` };
    case "host-finished": {
      const { report } = happening;
      return "error" in report ? { host: report.host, what: `${report.outcome}: ${report.error.message}` } : undefined;
    }
    default:
      return undefined;
  }
}
