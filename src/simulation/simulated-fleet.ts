import type { SecretSet } from "#activation";
import { NO_SECRETS } from "#activation";
import type { Goal, Host, HostName, Limits, RolloutPolicy } from "#hive";
import type {
  FleetPlan,
  HostPorts,
  LookAtFleetOptions,
  Prepared,
  PreparedSecrets,
  RolloutHappening,
  RolloutPlan,
  Run,
} from "#rollout";
import { lookAtFleet, planRollout, runRollout } from "#rollout";
import type { VirtualClock } from "./clock/virtual-clock.ts";
import { createVirtualClock } from "./clock/virtual-clock.ts";
import type { Fault } from "./faults/fault.ts";
import { strikeFaults } from "./faults/strike-faults.ts";
import { logInToSimulated } from "./host/simulated-connection.ts";
import { simulatedGates } from "./host/simulated-gates.ts";
import type { HostPace } from "./host/simulated-host.ts";
import { SimulatedHost } from "./host/simulated-host.ts";
import { simulatedSecrets } from "./host/simulated-secrets.ts";
import { openSimulatedStore, readSimulatedStore } from "./host/simulated-store.ts";
import { BASE_PATH, closuresOf, simulatedSystem } from "./host/simulated-systems.ts";
import { standInCheck } from "./host/stand-in-checks.ts";
import type { Operator } from "./operator.ts";
import { openOperator } from "./operator.ts";
import { mostUnavailable } from "./outages.ts";
import type { Random } from "./random.ts";
import { createRandom } from "./random.ts";
import { openRecord } from "./record-run.ts";
import type { ResumeOrder } from "./resume-simulated.ts";
import { resumeSimulated } from "./resume-simulated.ts";
import type { SimulatedRollout } from "./simulated-rollout.ts";
import type { HostStanding, Systems } from "./standing.ts";
import { standingOf } from "./standing.ts";
import { watchFleet } from "./watch-fleet.ts";

/** When simulated time begins: the same in every run. */
const BEGIN = Date.UTC(2026, 0, 1);
/** After a run, until its hosts are looked at for the last time: no agent and no lease lasts as long. */
const AFTERWARDS_MS = 4 * 3_600_000;
const FIRST_RELEASE = "v1";

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
  /** Hosts that are to get the system they began with. */
  readonly isUpToDate?: ((host: Host) => boolean) | undefined;
  /** Hosts that are to get the secrets they began with. Default: those that get their system. */
  readonly hasItsSecrets?: ((host: Host) => boolean) | undefined;
  /** Hosts whose new system has another kernel. Default: none. */
  readonly needsReboot?: ((host: Host) => boolean) | undefined;
  readonly goal: Goal;
  readonly policy: RolloutPolicy;
  readonly limits: Limits;
  readonly faults: readonly Fault[];
  readonly reboot?: Run["reboot"];
  readonly stealLease?: boolean | undefined;
  /** Takes the run up again when the operator was stopped, left or was killed. */
  readonly resume?: ResumeOrder | undefined;
}

/** Hosts that do not exist, and a clock on which nothing takes time. May be deployed to again and again. */
export class SimulatedFleet {
  readonly clock: VirtualClock = createVirtualClock(BEGIN);
  readonly machines: ReadonlyMap<string, SimulatedHost>;
  readonly #hosts: readonly Host[];
  readonly #hive: readonly Host[];
  readonly #closures = new Map<string, ReturnType<typeof closuresOf>>();
  #runs = 0;

  constructor(hosts: readonly Host[], { seed, hive = hosts, isNew = () => false }: FleetOptions) {
    this.#hive = hive;
    const random = createRandom(seed);
    // What they ask really, nobody can ask here.
    this.#hosts = hosts.map((host) => ({ ...host, checks: host.checks.map(standInCheck) }));
    this.machines = new Map(
      hosts.map((host) => {
        const system = isNew(host) ? undefined : simulatedSystem(host.name, FIRST_RELEASE);
        const pace = paceOf(random);
        const { clock } = this;
        const machine = new SimulatedHost({
          ...{ name: host.name, nixos: host.system.kind !== "native", system, pace, clock },
          random: createRandom(random.between(0, 0xffff_ffff)),
        });
        machine.store.add(BASE_PATH);
        if (system !== undefined && host.secrets.length > 0) {
          machine.beginWithSecrets(simulatedSecrets(host, FIRST_RELEASE).id);
        }
        return [host.name, machine] as const;
      }),
    );
  }

  /** One run of the rollout that real hosts get, and what came of it. */
  async deploy(options: DeployFleetOptions): Promise<SimulatedRollout> {
    const { clock, machines } = this;
    const { faults } = options;
    const { plan, systems, policy } = this.#plan(options);
    const { run } = plan;
    const standing = (name: string): HostStanding => standingOf(this.#machine(name), systems.get(name) ?? NO_SYSTEMS);
    const operator = openOperator();
    const watch = watchFleet(machines, { run: run.id });
    const record = openRecord({ clock, standing, operator, onHappening: note });
    const others: Promise<SimulatedRollout["second"]>[] = [];
    const strikes = strikeFaults(faults, {
      ...{ hosts: machines, clock, operate: operator.operate },
      onStrike: (fault) => {
        record.tell(fault.kind, "host" in fault ? fault.host : undefined);
      },
      onSecondOperator: ({ steals }) => {
        others.push(this.#deployBeside(options, { steals }));
      },
    });
    function note(happening: RolloutHappening): void {
      watch.note(happening);
      strikes.note(happening);
    }
    const { emit, events, decided } = record;
    const ended = await clock.runUntil(
      runRollout(plan, {
        ...{ emit, clock, events, decided, ...this.#handsOf(operator), ssh: {} },
        confirm: agree,
      }),
    );
    const isOver = operator.end === undefined && !ended.interrupted;
    const resumed =
      options.resume === undefined || isOver
        ? undefined
        : await clock.runUntil(
            resumeSimulated(options.resume, {
              ...{ plan, record, clock, policy, hive: this.#hive, limits: options.limits },
              hosts: this.#hosts,
              openHands: (again) => this.#handsOf(again),
              make: (hosts) => {
                const { prepared: systems, secrets } = this.#prepare(hosts, options);
                return Promise.resolve({ systems, secrets });
              },
            }),
          );
    const outages = watch.outages();
    await clock.advance(AFTERWARDS_MS);
    const [second] = await clock.runUntil(Promise.all(others));
    return {
      report: resumed ?? (operator.end === undefined ? ended : undefined),
      events,
      resumedAfter: record.resumedAfter,
      timeline: record.timeline,
      faults: faults.map((fault) => ({ fault, atMs: strikes.at(fault) })),
      outages,
      mostUnavailable: mostUnavailable(outages),
      overdue: watch.overdue,
      second,
      hosts: new Map(
        this.#hosts.map(({ name }) => {
          const { outcome, whenFinished } = record.endOf(name) ?? { outcome: undefined, whenFinished: undefined };
          return [name, { outcome, whenFinished, finally: standing(name), wasActivated: watch.activated.has(name) }];
        }),
      ),
    };
  }

  /** What a deployment of a release would change, by the code that plans for real hosts. */
  async plan({
    release,
    policy,
    limits,
  }: Pick<DeployFleetOptions, "release" | "policy" | "limits">): Promise<FleetPlan> {
    const { clock } = this;
    const closureOf = closuresOf(release);
    const closures = this.#hosts.map(
      (host) => [host.name, { closure: closureOf(simulatedSystem(host.name, release)) }] as const,
    );
    const run: Run = {
      ...{ id: "20260101-000000-plan", goal: "switch", stealLease: false, startedAt: clock.now() },
      ...{ operator: "you@simulated", revision: { name: "simulated", revision: null, dirty: false } },
    };
    const options: LookAtFleetOptions = {
      ...{ hive: { name: "simulated", hosts: this.#hive }, hosts: this.#hosts, policy, limits, ssh: {}, clock },
      ...{ prepared: new Map(closures), versions: new Map(), emit: () => undefined, manifestOf: () => undefined },
      signal: new AbortController().signal,
      ports: {
        logIn: (host, { signal }) => {
          const address = { host: host.target.host, port: host.target.port ?? 22, user: host.target.user ?? "root" };
          return logInToSimulated(this.#machine(host.name), { address, signal });
        },
        readLocalSystem: () => Promise.resolve({ parts: new Map(), initInterface: undefined, etc: new Map() }),
        readHostStore: (host, question) => readSimulatedStore(this.#machine(host.name), question),
      },
    };
    return clock.runUntil(lookAtFleet(run, options));
  }

  /** Takes all that went wrong back: hosts get power and network, and room on their disks. */
  mend(): void {
    for (const machine of this.machines.values()) machine.mend();
  }

  /** Decides a run, and makes the machines' new systems what that run brings. */
  #plan(options: DeployFleetOptions): {
    readonly plan: RolloutPlan;
    readonly systems: ReadonlyMap<string, Systems>;
    readonly policy: RolloutPolicy;
  } {
    const { needsReboot = () => false } = options;
    const policy = simulatedGates(options.policy, this.clock);
    const prepared = this.#prepare(this.#hosts, options);
    const run = this.#nextRun(options);
    const plan = planRollout(run, {
      ...{ hosts: this.#hosts, hive: this.#hive, policy, limits: options.limits },
      ...prepared,
    });
    const systems = new Map<string, Systems>();
    for (const host of this.#hosts) {
      const machine = this.#machine(host.name);
      const made = prepared.prepared.get(host.name);
      const wanted = options.goal === "secrets" || made === undefined ? machine.running : made.closure.toplevel;
      machine.faults = [];
      machine.wanted = wanted;
      machine.wantedSecrets = prepared.secrets.get(host.name)?.secrets.id;
      machine.needsReboot = needsReboot(host);
      systems.set(host.name, {
        ...{ old: machine.running, new: wanted },
        ...{ oldSecrets: machine.secretSetInUse, newSecrets: machine.wantedSecrets },
      });
    }
    return { plan, systems, policy };
  }

  #prepare(
    hosts: readonly Host[],
    { release, isUpToDate = () => false, hasItsSecrets = isUpToDate }: DeployFleetOptions,
  ): {
    readonly prepared: ReadonlyMap<HostName, Extract<Prepared, { closure: unknown }>>;
    readonly secrets: ReadonlyMap<HostName, Extract<PreparedSecrets, { secrets: unknown }>>;
  } {
    const closureOf = this.#closures.get(release) ?? closuresOf(release);
    this.#closures.set(release, closureOf);
    const systemOf = (host: Host): Extract<Prepared, { closure: unknown }> => {
      const system = isUpToDate(host) ? simulatedSystem(host.name, FIRST_RELEASE) : undefined;
      return { closure: closureOf(system ?? simulatedSystem(host.name, release)) };
    };
    const secretsOf = (host: Host): { readonly secrets: SecretSet } => ({
      secrets: simulatedSecrets(host, hasItsSecrets(host) ? FIRST_RELEASE : release),
    });
    return {
      prepared: new Map(hosts.map((host) => [host.name, systemOf(host)])),
      secrets: new Map(hosts.map((host) => [host.name, secretsOf(host)])),
    };
  }

  #nextRun({ goal, reboot, stealLease = false }: Pick<DeployFleetOptions, "goal" | "reboot" | "stealLease">): Run {
    this.#runs += 1;
    return {
      id: `20260101-000000-${String(this.#runs).padStart(4, "0")}`,
      ...{ goal, stealLease, reboot, startedAt: this.clock.now(), operator: "you@simulated" },
      revision: { name: "simulated", revision: null, dirty: false },
    };
  }

  /** Somebody else's run, of which the first one's fleet has no faults. */
  #deployBeside(
    { goal, policy, limits, release }: DeployFleetOptions,
    { steals }: { readonly steals: boolean },
  ): Promise<SimulatedRollout["second"]> {
    const operator = openOperator();
    const made = this.#prepare(this.#hosts, { ...{ goal, policy, limits, faults: [] }, release: `${release}-other` });
    const run = { ...this.#nextRun({ goal, stealLease: steals }), operator: "ada@elsewhere" };
    const plan = planRollout(run, {
      ...{ hosts: this.#hosts, hive: this.#hive, policy: simulatedGates(policy, this.clock), limits },
      ...made,
    });
    return runRollout(plan, {
      ...{ emit: () => undefined, clock: this.clock, ...this.#handsOf(operator), ssh: {}, confirm: agree },
    });
  }

  #handsOf(operator: Operator): { readonly ports: HostPorts; readonly stop: AbortSignal; readonly leave: AbortSignal } {
    const ports: HostPorts = {
      logIn: async (host, { signal }) => {
        const address = { host: host.target.host, port: host.target.port ?? 22, user: host.target.user ?? "root" };
        return operator.hold(await logInToSimulated(this.#machine(host.name), { address, signal }));
      },
      openHostStore: (host, { connection }) =>
        Promise.resolve(openSimulatedStore(this.#machine(host.name), connection)),
    };
    return { ports, stop: operator.stop, leave: operator.leave };
  }

  #machine(name: string): SimulatedHost {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`there is no simulated host ${name}`);
    return machine;
  }
}

const NO_SYSTEMS: Systems = { old: undefined, new: undefined, oldSecrets: undefined, newSecrets: NO_SECRETS };

function agree(): Promise<boolean> {
  return Promise.resolve(true);
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
