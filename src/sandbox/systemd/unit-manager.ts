import { randomBytes } from "node:crypto";
import type { ServicePlace } from "./service-settings.ts";
import type { UnitStatus } from "./service-status.ts";
import { NEVER } from "./service-status.ts";
import type { Service } from "./service.ts";
import { createService } from "./service.ts";
import { meetsConditions } from "./unit-conditions.ts";
import type { Unit, UnitFiles } from "./unit-files.ts";
import { createUnitFiles } from "./unit-files.ts";

/** What runs on one host: its units, started and stopped in order. */
export interface UnitManager {
  readonly files: UnitFiles;
  /** A unit as it was first read since the last {@link UnitManager.reloadFiles}; undefined when there is none. */
  load(name: string): Promise<Unit | undefined>;
  /** Reads unit files afresh from now on. */
  reloadFiles(): void;
  status(name: string): UnitStatus;
  /** The names of all units that run, failed, or have a file. */
  list(): Promise<string[]>;
  /** Starts a unit and what it needs, in order. @returns whether the unit itself is started. */
  start(name: string): Promise<boolean>;
  /** Stops a unit, and first what needs it. */
  stop(name: string): Promise<void>;
  restart(name: string): Promise<boolean>;
  reload(name: string): Promise<boolean>;
  kill(name: string, signal: NodeJS.Signals): void;
  /** Forgets failures: one unit's, or all. */
  reset(name?: string): void;
  /** Stops everything, as a shutdown does. */
  shutDown(): Promise<void>;
}

/** What units without processes are called when they are active. */
const ACTIVE_SUB_STATES: Readonly<Record<string, string>> = {
  timer: "waiting",
  socket: "listening",
  path: "waiting",
  mount: "mounted",
};

export function createUnitManager(place: ServicePlace): UnitManager {
  const files = createUnitFiles(place.root);
  const loaded = new Map<string, Unit>();
  const services = new Map<string, Service>();
  /** Units without processes that are active. */
  const others = new Map<string, { readonly unit: Unit; readonly since: number }>();
  /** The last invocations of units without processes, those that are not active any more included. */
  const invocations = new Map<string, string>();
  /** What {@link UnitStatus.meetsConditions} is, of units that were to start. */
  const conditions = new Map<string, boolean>();

  const load = async (name: string): Promise<Unit | undefined> => {
    const known = loaded.get(name);
    if (known !== undefined) return known;
    const unit = await files.read(name);
    if (unit !== undefined) loaded.set(name, unit);
    return unit;
  };
  const status = (name: string): UnitStatus => {
    const meets = conditions.get(name) ?? false;
    const service = services.get(name);
    if (service !== undefined) return { ...service.status, meetsConditions: meets };
    const base = { ...NEVER, invocation: invocations.get(name) ?? "", meetsConditions: meets };
    const other = others.get(name);
    if (other === undefined) return base;
    const subState = ACTIVE_SUB_STATES[other.unit.kind] ?? "active";
    return { ...base, activeState: "active", subState, activeSince: other.since };
  };
  const isUp = (name: string): boolean => ["active", "reloading", "activating"].includes(status(name).activeState);
  const serviceOf = (name: string): Service => {
    const known = services.get(name);
    if (known !== undefined) return known;
    const service = createService(name, place);
    services.set(name, service);
    return service;
  };

  const startOne = async (unit: Unit): Promise<boolean> => {
    if (unit.isMasked) return false;
    if (status(unit.name).activeState === "active") return true;
    const meets = await meetsConditions(unit, place.root);
    conditions.set(unit.name, meets);
    // What is passed over has not failed: what needs it starts.
    if (!meets) return true;
    if (unit.kind === "service") return serviceOf(unit.name).start(unit);
    others.set(unit.name, { unit, since: Date.now() });
    invocations.set(unit.name, randomBytes(16).toString("hex"));
    return true;
  };

  const start = async (name: string): Promise<boolean> => {
    const plan = await collect(name, { load, isActive: (other) => status(other).activeState === "active" });
    const jobs = new Map<string, Promise<boolean>>();
    for (const { unit, waitsFor } of inOrder(plan)) {
      const job = async (): Promise<boolean> => {
        await Promise.all(waitsFor.map(async (other) => jobs.get(other)));
        for (const needed of unit.requires) {
          const isThere = jobs.has(needed) ? !waitsFor.includes(needed) || (await jobs.get(needed)) : isUp(needed);
          if (isThere !== true) return false;
        }
        return startOne(unit);
      };
      jobs.set(unit.name, job());
    }
    await Promise.all(jobs.values());
    return (await jobs.get(name)) ?? isUp(name);
  };

  /** Units that are up and must not outlive this one, directly. */
  const dependents = async (name: string, { always }: { readonly always: boolean }): Promise<string[]> => {
    const found: string[] = [];
    for (const other of [...services.keys(), ...others.keys()]) {
      if (other === name || !isUp(other)) continue;
      const unit = await load(other);
      if (unit === undefined) continue;
      const needs = unit.settings.words("Unit", "Requires").concat(unit.settings.words("Unit", "BindsTo"));
      if (unit.partOf.includes(name) || (always && needs.includes(name))) found.push(other);
    }
    return found;
  };

  const stop = async (name: string, seen = new Set<string>()): Promise<void> => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const other of await dependents(name, { always: true })) await stop(other, seen);
    others.delete(name);
    await services.get(name)?.stop();
  };

  return {
    files,
    load,
    reloadFiles() {
      loaded.clear();
    },
    status,
    async list() {
      return [...new Set([...(await files.list()), ...services.keys(), ...others.keys()])].sort();
    },
    start,
    stop: (name) => stop(name),
    async restart(name) {
      const with_ = await dependents(name, { always: true });
      await stop(name);
      const isStarted = await start(name);
      for (const other of with_) await start(other);
      return isStarted;
    },
    async reload(name) {
      const unit = await load(name);
      return unit !== undefined && (await serviceOf(name).reload(unit));
    },
    kill(name, signal) {
      services.get(name)?.kill(signal);
    },
    reset(name) {
      for (const [other, service] of services) if (name === undefined || name === other) service.reset();
    },
    async shutDown() {
      await Promise.all([...services.values()].map((service) => service.stop()));
      others.clear();
    },
  };
}

interface CollectOptions {
  readonly load: (name: string) => Promise<Unit | undefined>;
  readonly isActive: (name: string) => boolean;
}

/** A unit and everything it pulls in that does not run yet. */
async function collect(name: string, { load, isActive }: CollectOptions): Promise<Map<string, Unit>> {
  const plan = new Map<string, Unit>();
  const left = [name];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (plan.has(next) || (isActive(next) && next !== name)) continue;
    const unit = await load(next);
    if (unit === undefined) continue;
    plan.set(next, unit);
    left.push(...unit.wants, ...unit.requires);
  }
  return plan;
}

interface Job {
  readonly unit: Unit;
  /** Units of the same plan that come first. */
  readonly waitsFor: readonly string[];
}

/** Units so that each comes behind those it waits for; where they wait for each other in a ring, one does not. */
function inOrder(plan: ReadonlyMap<string, Unit>): Job[] {
  const first = new Map<string, Set<string>>([...plan.keys()].map((name) => [name, new Set()]));
  for (const unit of plan.values()) {
    for (const other of unit.after) if (plan.has(other) && other !== unit.name) first.get(unit.name)?.add(other);
    for (const other of unit.before) if (other !== unit.name) first.get(other)?.add(unit.name);
  }
  const jobs: Job[] = [];
  const done = new Set<string>();
  const visit = (unit: Unit, above: ReadonlySet<string>): void => {
    if (done.has(unit.name) || above.has(unit.name)) return;
    const path = new Set([...above, unit.name]);
    for (const other of first.get(unit.name) ?? []) {
      const needed = plan.get(other);
      if (needed !== undefined) visit(needed, path);
    }
    done.add(unit.name);
    jobs.push({
      unit,
      waitsFor: [...(first.get(unit.name) ?? [])].filter((other) => done.has(other) && other !== unit.name),
    });
  };
  for (const unit of plan.values()) visit(unit, new Set());
  return jobs;
}
