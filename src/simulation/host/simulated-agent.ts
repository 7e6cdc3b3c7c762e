/**
 * The on-host agent as a machine of its own: what activation/agent-script.ts does in shell, step by step, on a simulated
 * host. It ends when it is killed, and is finished by what systemd starts then; it is gone when the host goes down.
 */
import type { StorePath } from "#store";
import type { SystemFault } from "../faults/fault.ts";
import type { SimulatedHost } from "./simulated-host.ts";
import { releaseLease } from "./simulated-lease.ts";
import type { SimulatedOrder } from "./simulated-run.ts";
import { SimulatedRun } from "./simulated-run.ts";

/** `switch-to-configuration` was killed because it took too long, or another run took the host over. */
const GIVEN_UP = 124;
/** What is in the way of going back may pass. */
const AGAIN_AFTER_MS = [1_000, 2_000, 4_000] as const;
/** What `switch-to-configuration` says of a system that it cannot switch to. */
const ONLY_BY_REBOOT = 100;
const GIVE_UP_MS = 2_000;
const PROFILE_MS = 100;

/** Starts the agent of a run, which goes on by itself. */
export function startSimulatedAgent(host: SimulatedHost, order: SimulatedOrder): void {
  const run = new SimulatedRun(order, host.clock.monotonic());
  host.runs.set(order.run, run);
  run.watch(() => {
    host.onChange();
  });
  void live(host, run);
  host.onChange();
}

async function live(host: SimulatedHost, run: SimulatedRun): Promise<void> {
  const { power } = host;
  const killed = await inProcess(host, run, (agent) => (run.order.goal === "boot" ? agent.commit() : agent.test()));
  if (!killed || power.aborted) return;
  run.isFinishing = true;
  await inProcess(host, run, (agent) => agent.finishWhatWasBegun());
}

/** @returns whether it was killed before it was done. */
async function inProcess(
  host: SimulatedHost,
  run: SimulatedRun,
  work: (agent: SimulatedAgent) => Promise<void>,
): Promise<boolean> {
  const process = new AbortController();
  const { power } = host;
  const end = (): void => {
    process.abort(new Error("it was killed"));
  };
  power.addEventListener("abort", end, { once: true });
  run.kill = end;
  try {
    await work(new SimulatedAgent(host, run, process.signal));
    return false;
  } catch (error) {
    if (!process.signal.aborted) throw error;
    return true;
  } finally {
    power.removeEventListener("abort", end);
    run.kill = undefined;
    run.tell();
  }
}

class SimulatedAgent {
  readonly #host: SimulatedHost;
  readonly #run: SimulatedRun;
  readonly #signal: AbortSignal;

  constructor(host: SimulatedHost, run: SimulatedRun, signal: AbortSignal) {
    this.#host = host;
    this.#run = run;
    this.#signal = signal;
  }

  async test(): Promise<void> {
    const { order } = this.#run;
    this.#run.state = "testing";
    if (!this.#takeSecrets()) return this.#goBack("secrets:swap");
    const status = order.goal === "secrets" ? 0 : await this.#switch(order.toplevel, "test");
    if (status !== 0) {
      if (this.#run.verdict === "stolen") return this.#goBack("stolen");
      return status === ONLY_BY_REBOOT ? this.#turnToReboot() : this.#goBack(`switch:${describeStatus(status)}`);
    }
    if (this.#host.running !== order.toplevel) return this.#goBack(`running:${this.#host.running ?? ""}`);
    if (typeof order.secrets === "number" && this.#host.hasFault("secrets-unit-fails") && this.#host.isOnWanted) {
      return this.#goBack("secrets:app.service");
    }
    this.#run.state = "waiting";
    await this.#waitFor(() => this.#run.verdict !== undefined, order.confirmTimeoutMs);
    this.#run.decide("expired");
    switch (this.#run.verdict) {
      case "confirmed":
        if (order.goal === "switch") return this.commit();
        if (order.goal === "secrets") return this.#commitSecrets();
        this.#finish("kept");
        return;
      case "expired":
        return this.#goBack("not-confirmed");
      case "refused":
      case "stolen":
      case undefined:
        return this.#goBack(this.#run.verdict ?? "");
    }
  }

  async commit(): Promise<void> {
    const host = this.#host;
    const { toplevel } = this.#run.order;
    this.#run.state = "committing";
    const before = (this.#run.profileBefore ??= { generation: host.generation, system: host.profileSystem });
    await this.#sleep(PROFILE_MS);
    if (host.isDiskFull) return this.#giveUp("commit:profile");
    host.commit = { run: this.#run.order.run, system: toplevel };
    this.#makeDefault(toplevel);
    const keptBefore = host.keptSecrets.get(toplevel);
    this.#bindSecrets(toplevel);
    const status = await this.#switch(toplevel, "boot");
    if (status !== 0) {
      this.#run.backFrom ??= this.#run.log.length;
      if (keptBefore === undefined) host.keptSecrets.delete(toplevel);
      else host.keptSecrets.set(toplevel, keptBefore);
      if (host.generation !== undefined && host.generation !== before.generation) {
        host.generations.delete(host.generation);
        host.generation = before.generation;
      }
      const isRestored = before.system === undefined || (await this.#switch(before.system, "boot")) === 0;
      if (isRestored) host.commit = undefined;
      return this.#giveUp(`commit:boot:${describeStatus(status)}`);
    }
    // A host that goes down now boots what nobody was told of, but for the commit that was cut short.
    await this.#sleep(PROFILE_MS);
    this.#run.generation = host.generation;
    this.#writeRecord();
    host.commit = undefined;
    this.#finish("committed");
  }

  /** What systemd starts when the agent ended, however it ended. */
  async finishWhatWasBegun(): Promise<void> {
    const { toplevel } = this.#run.order;
    const goal = this.#run.byReboot ? "boot" : this.#run.order.goal;
    if (this.#run.isOver) return;
    if (this.#run.verdict === "confirmed" && this.#host.running === toplevel) {
      if (goal === "switch") return this.commit();
      if (goal === "secrets") return this.#commitSecrets();
    }
    if (goal === "boot") return this.commit();
    return this.#goBack("killed");
  }

  async #commitSecrets(): Promise<void> {
    this.#run.state = "committing";
    await this.#sleep(PROFILE_MS);
    if (this.#host.isDiskFull) return this.#goBack("commit:secrets");
    this.#bindSecrets(this.#run.order.toplevel);
    this.#run.generation = this.#host.generation;
    this.#writeRecord();
    this.#finish("committed");
  }

  async #giveUp(cause: string): Promise<void> {
    this.#run.cause = cause;
    if (this.#run.order.goal === "boot" || this.#run.byReboot) this.#finish("rolled-back");
    else await this.#goBack(cause);
  }

  /** Only a reboot brings the system: the host is to reboot from the one it has. */
  async #turnToReboot(): Promise<void> {
    const { previous, mayReboot } = this.#run.order;
    if (this.#host.running === previous) {
      this.#takeSecretsBack();
      if (!mayReboot) {
        this.#run.cause = "only-by-reboot";
        this.#run.decide("refused");
        this.#finish("rolled-back");
        return;
      }
    } else if (!mayReboot || previous === undefined || !(await this.#activatePrevious(previous))) {
      return this.#goBack(`switch:${ONLY_BY_REBOOT}`);
    }
    this.#run.secretsBefore = undefined;
    this.#run.byReboot = true;
    return this.commit();
  }

  async #goBack(cause: string): Promise<void> {
    const { order } = this.#run;
    this.#run.backFrom ??= this.#run.log.length;
    this.#run.cause ??= cause;
    this.#run.decide("refused");
    this.#run.state = "rolling-back";
    if (order.previous === undefined) {
      this.#finish("stranded");
      return;
    }
    this.#finish((await this.#activatePrevious(order.previous)) ? "rolled-back" : "stranded");
  }

  async #activatePrevious(previous: StorePath): Promise<boolean> {
    this.#takeSecretsBack();
    if (this.#run.order.goal === "secrets") return this.#host.running === previous;
    const { clock } = this.#host;
    const giveUpAt = clock.monotonic() + this.#run.order.switchTimeoutMs;
    for (const pauseMs of [...AGAIN_AFTER_MS, 0]) {
      const status = await this.#switch(previous, "test");
      if ((status === 0 || status === 4) && this.#host.running === previous) return true;
      if (pauseMs === 0 || clock.monotonic() >= giveUpAt) break;
      await clock.sleep(pauseMs, { signal: this.#signal });
    }
    return false;
  }

  #finish(state: "committed" | "kept" | "rolled-back" | "stranded"): void {
    releaseLease(this.#host, this.#run.order.run);
    this.#run.state = state;
  }

  /** @returns the exit code of switch-to-configuration, or that it had to be killed. */
  async #switch(system: StorePath, action: "test" | "boot"): Promise<number> {
    const host = this.#host;
    const { order, log } = this.#run;
    const { pace } = host;
    const fault = faultOf(host, { system, action });
    const neededMs = (action === "test" ? pace.switchMs : pace.bootLoaderMs) * host.slowness;
    const deadlineAt = host.clock.monotonic() + order.switchTimeoutMs;
    const isStolen = (): boolean => this.#run.verdict === "stolen" && this.#run.state === "testing";
    const until = async (ms: number): Promise<boolean> => {
      const mayTakeMs = deadlineAt - host.clock.monotonic();
      await this.#waitFor(isStolen, Math.min(ms, mayTakeMs));
      return !isStolen() && ms <= mayTakeMs;
    };
    log.push(`${action} ${system}`);
    const giveUp = async (): Promise<number> => {
      await host.clock.sleep(GIVE_UP_MS, { signal: this.#signal });
      return GIVEN_UP;
    };
    if (!(await until(neededMs / 3))) return giveUp();
    // NixOS sets the link before it starts units, whether or not all of them will start; but not where it sees at once
    // that only a reboot helps.
    const isRefused = host.nixos && fault?.kind === "switch-fails" && fault.exitCode === ONLY_BY_REBOOT;
    if (action === "test" && fault?.kind !== "cannot-go-back" && !isRefused) {
      host.running = system;
      host.activatedAt = host.clock.monotonic();
    }
    const restMs = fault?.kind === "switch-hangs" ? Number.POSITIVE_INFINITY : (neededMs * 2) / 3;
    if (!(await until(restMs))) return giveUp();
    if (fault !== undefined) return fault.kind === "switch-fails" ? (fault.exitCode ?? 1) : 1;
    if (action === "boot") host.boots = system;
    return 0;
  }

  #makeDefault(system: StorePath): void {
    const host = this.#host;
    const newest = Math.max(0, ...host.generations.keys());
    if (host.generations.get(newest) === system) {
      host.generation = newest;
      return;
    }
    host.generations.set(newest + 1, system);
    host.generation = newest + 1;
  }

  #takeSecrets(): boolean {
    const { secrets } = this.#run.order;
    if (secrets === undefined) return true;
    if (secrets !== "none" && !this.#host.secretSets.has(secrets)) return false;
    this.#run.secretsBefore ??= { generation: this.#host.secretsInUse };
    this.#host.secretsInUse = secrets === "none" ? undefined : secrets;
    return true;
  }

  #takeSecretsBack(): void {
    if (this.#run.secretsBefore !== undefined) this.#host.secretsInUse = this.#run.secretsBefore.generation;
  }

  #bindSecrets(system: StorePath): void {
    const { secrets } = this.#run.order;
    if (secrets === undefined) return;
    const set = secrets === "none" ? undefined : this.#host.secretSets.get(secrets);
    if (set === undefined) this.#host.keptSecrets.delete(system);
    else this.#host.keptSecrets.set(system, set);
  }

  #writeRecord(): void {
    const { run, record } = this.#run.order;
    const generation = this.#run.generation ?? "null";
    this.#host.records.set(run, record.replace('"generation":null', `"generation":${generation}`));
  }

  #sleep(ms: number): Promise<void> {
    return this.#host.work(ms, this.#signal);
  }

  /** Waits until something is so, but not longer than that. */
  #waitFor(isSo: () => boolean, ms: number): Promise<void> {
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const end = (settle: () => void): void => {
        timer?.cancel();
        unwatch();
        signal.removeEventListener("abort", stop);
        settle();
      };
      const stop = (): void => {
        end(() => {
          reject(signal.reason as Error);
        });
      };
      const look = (): void => {
        if (isSo()) end(resolve);
      };
      const unwatch = this.#run.watch(look);
      const timer = Number.isFinite(ms)
        ? this.#host.clock.after(ms, () => {
            end(resolve);
          })
        : undefined;
      signal.addEventListener("abort", stop, { once: true });
      look();
    });
  }
}

function faultOf(
  { faults, wanted }: SimulatedHost,
  { system, action }: { readonly system: StorePath; readonly action: "test" | "boot" },
): SystemFault | undefined {
  return faults.find(({ kind }) => {
    if (system !== wanted) return kind === "cannot-go-back" && action === "test";
    return action === "boot" ? kind === "boot-fails" : kind === "switch-fails" || kind === "switch-hangs";
  });
}

function describeStatus(status: number): string {
  return status === GIVEN_UP ? "timeout" : String(status);
}
