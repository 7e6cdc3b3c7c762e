import { setMaxListeners } from "node:events";
import { NO_SECRETS } from "#activation";
import type { StorePath } from "#store";
import type { VirtualClock } from "../clock/virtual-clock.ts";
import type { SystemFault } from "../faults/fault.ts";
import type { Random } from "../random.ts";
import type { SimulatedRun } from "./simulated-run.ts";

/** How quick a host is. Milliseconds, and bytes a second. */
export interface HostPace {
  readonly roundTripMs: number;
  readonly loginMs: number;
  readonly switchMs: number;
  readonly bootLoaderMs: number;
  readonly rebootMs: number;
  readonly bytesPerSecond: number;
}

/** The lease as it lies in /run. */
export interface SimulatedLease {
  readonly run: string;
  readonly owner: string;
  readonly reason: string;
  /** Seconds since 1970. */
  readonly taken: number;
  /** Milliseconds of uptime. */
  readonly expiresMs: number;
}

export interface SimulatedHostOptions {
  readonly name: string;
  readonly nixos: boolean;
  /** What it runs and boots at the beginning. */
  readonly system: StorePath | undefined;
  readonly pace: HostPace;
  readonly clock: VirtualClock;
  readonly random: Random;
}

/** It was there before the simulation began. */
const LONG_UP_MS = 1_000_000;

/** The reason of what ended because the host went down. */
class PowerOff extends Error {}

/**
 * A host as far as a rollout can tell: systems and generations, a lease, agents and their runs, secrets, boots. It does
 * nothing by itself; what happens to it is told by its methods, and what runs on it ends when it goes down.
 */
export class SimulatedHost {
  readonly name: string;
  readonly nixos: boolean;
  readonly pace: HostPace;
  readonly clock: VirtualClock;
  readonly random: Random;
  /** What `/run/current-system` leads to. */
  running: StorePath | undefined;
  /** What it runs after the next boot. */
  boots: StorePath | undefined;
  booted: StorePath | undefined;
  /** The profile: its generations, and which is the default. */
  readonly generations = new Map<number, StorePath>();
  generation: number | undefined;
  readonly store = new Set<StorePath>();
  lease: SimulatedLease | undefined;
  readonly runs = new Map<string, SimulatedRun>();
  /** The generations of secrets in memory: the id of the set of each. */
  readonly secretSets = new Map<number, string>();
  secretsInUse: number | undefined;
  /** The sets that are opened at boot, by their system. */
  readonly keptSecrets = new Map<StorePath, string>();
  /** The records of deployments by their runs, as they lie in /var. */
  readonly records = new Map<string, string>();
  /** The commit that is under way, or was cut short, as a file on the disk tells. */
  commit: { readonly run: string; readonly system: StorePath } | undefined;
  /** The system that it is to get, which has the faults below. */
  wanted: StorePath | undefined;
  /** The id of the set of secrets that goes with it. */
  wantedSecrets: string | undefined;
  /** Whether that system has another kernel than the one before. */
  needsReboot = false;
  faults: readonly SystemFault[] = [];
  isDiskFull = false;
  isRunFull = false;
  /** Whether its sshd is stopped, with all else up. */
  refusesLogins = false;
  /** Whether it goes down because a run asked for it, until it is up again. */
  isRebootingForRun = false;
  /** When the running system was activated, on the clock. */
  activatedAt = 0;
  /** Called when it goes down, comes up, or a run on it changes. */
  onChange: () => void = () => undefined;
  #boots = 1;
  #bootedAt: number;
  #power: AbortController | undefined = new AbortController();
  #hasCurrent = true;
  #network = true;
  readonly #links = new Set<(isBroken: boolean) => void>();

  constructor({ name, nixos, system, pace, clock, random }: SimulatedHostOptions) {
    this.name = name;
    this.nixos = nixos;
    this.pace = pace;
    this.clock = clock;
    this.random = random;
    this.running = this.boots = this.booted = system;
    this.#bootedAt = clock.monotonic() - LONG_UP_MS;
    if (this.#power !== undefined) setMaxListeners(0, this.#power.signal);
    if (system !== undefined) {
      this.store.add(system);
      this.generations.set(1, system);
      this.generation = 1;
    }
  }

  /** Gives it a set of secrets, in use and kept for the boot of its system. */
  beginWithSecrets(set: string): void {
    this.secretSets.set(1, set);
    this.secretsInUse = 1;
    if (this.boots !== undefined) this.keptSecrets.set(this.boots, set);
  }

  get isUp(): boolean {
    return this.#power !== undefined;
  }

  /** Whether packets go to it and back. */
  get isReachable(): boolean {
    return this.isUp && this.#network;
  }

  get bootId(): string {
    return `${this.name}-boot-${this.#boots}`;
  }

  get uptimeMs(): number {
    return this.clock.monotonic() - this.#bootedAt;
  }

  /** The system that the profile's default generation has. */
  get profileSystem(): StorePath | undefined {
    return this.generation === undefined ? undefined : this.generations.get(this.generation);
  }

  /** The set of secrets that is in use. */
  get secretSetInUse(): string | undefined {
    return this.secretsInUse === undefined ? undefined : this.secretSets.get(this.secretsInUse);
  }

  /** Whether it is what it is to get, with the faults of that. */
  get isOnWanted(): boolean {
    const hasSecrets = this.wantedSecrets === undefined || (this.secretSetInUse ?? NO_SECRETS) === this.wantedSecrets;
    return this.running === this.wanted && hasSecrets;
  }

  hasFault(kind: SystemFault["kind"]): boolean {
    return this.faults.some((fault) => fault.kind === kind);
  }

  /** How many times as long as usual things take. */
  get slowness(): number {
    return this.faults.reduce((product, fault) => (fault.kind === "slow" ? product * fault.factor : product), 1);
  }

  /** The signal that everything which runs on the host ends with. */
  get power(): AbortSignal {
    if (this.#power === undefined) throw new PowerOff("the host is down");
    return this.#power.signal;
  }

  /** Lets something on the host take so long. @throws the signal's reason; when the host goes down. */
  async work(ms: number, signal: AbortSignal = this.power): Promise<void> {
    await this.clock.sleep(ms * this.slowness, { signal });
  }

  /** Calls back when it became reachable, when it is no more, and when its connections are broken. @returns what ends that. */
  watchLink(tell: (isBroken: boolean) => void): () => void {
    this.#links.add(tell);
    return () => this.#links.delete(tell);
  }

  setNetwork(isThere: boolean): void {
    this.#network = isThere;
    this.#tellLinks();
  }

  breakConnections(): void {
    this.#tellLinks({ areBroken: true });
  }

  /** Everything that runs on it ends, and what was in memory is gone. */
  powerOff(): void {
    const power = this.#power;
    if (power === undefined) return;
    this.#power = undefined;
    this.lease = undefined;
    this.runs.clear();
    this.secretSets.clear();
    this.secretsInUse = undefined;
    this.isRunFull = false;
    this.refusesLogins = false;
    this.running = undefined;
    power.abort(new PowerOff("the host went down"));
    this.#tellLinks();
    this.onChange();
  }

  /** There is no current: it goes down, and a reboot under way does not bring it up. */
  cutCurrent(): void {
    this.#hasCurrent = false;
    this.powerOff();
  }

  restoreCurrent(): void {
    this.#hasCurrent = true;
    this.powerOn();
  }

  /** It boots what is to be booted, which has taken its time already. */
  powerOn(): void {
    if (this.#power !== undefined || !this.#hasCurrent) return;
    this.#power = new AbortController();
    setMaxListeners(0, this.#power.signal);
    this.#boots += 1;
    this.#bootedAt = this.clock.monotonic();
    this.activatedAt = this.#bootedAt;
    this.running = this.booted = this.boots;
    this.isRebootingForRun = false;
    const set = this.boots === undefined ? undefined : this.keptSecrets.get(this.boots);
    if (set !== undefined) {
      this.secretSets.set(1, set);
      this.secretsInUse = 1;
    }
    this.#tellLinks();
    this.onChange();
  }

  reboot(): void {
    if (!this.isUp) return;
    this.powerOff();
    this.clock.after(this.pace.rebootMs * this.slowness, () => {
      this.powerOn();
    });
  }

  mend(): void {
    this.faults = [];
    this.isDiskFull = this.isRunFull = this.refusesLogins = false;
    this.setNetwork(true);
    this.restoreCurrent();
  }

  #tellLinks({ areBroken = false } = {}): void {
    for (const tell of [...this.#links]) tell(areBroken);
  }
}
