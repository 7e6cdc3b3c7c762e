import type { Manifest, ManifestUnit } from "./manifest.ts";

/** What activating a system does to the units of a host, in the order it is done. */
export interface UnitActions {
  readonly stop: readonly string[];
  readonly reload: readonly string[];
  readonly restart: readonly string[];
  readonly start: readonly string[];
}

/** Paths below `/etc`, by what happens to them. */
export interface EtcChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** What a host says of its units. */
export interface HostUnits {
  /** With which text each unit was started last; `-` once it was stopped, `?` where that is not known. */
  readonly recorded: ReadonlyMap<string, string>;
  /** What `systemctl is-active` says of those of the wanted system, and of the services of its sockets. */
  readonly states: ReadonlyMap<string, string>;
}

/**
 * What `switch-to-configuration` will do to units, told from the wanted system's manifest without having it on the host.
 * Pure; decides as `plan_units` in switch-units.ts does.
 */
export function planUnits({ units }: Manifest, { recorded, states }: HostUnits): UnitActions {
  const stop: string[] = [];
  const reload: string[] = [];
  const restart: string[] = [];
  const start: string[] = [];
  const was = (name: string): string => recorded.get(name) ?? NEVER;
  const isUp = (name: string): boolean => UP.has(states.get(name) ?? "");

  for (const { name, text, onChange, started, service } of units) {
    if (!name.endsWith(".socket") || was(name) === text || onChange === "keep") continue;
    if (isUp(name)) stop.push(name);
    if (!isUp(name) && !started) continue;
    start.push(name);
    if (service === undefined || !isUp(service)) continue;
    stop.push(service);
    start.push(service);
  }
  for (const unit of units) {
    if (was(unit.name) === unit.text || stop.includes(unit.name) || start.includes(unit.name)) continue;
    const action = actionFor(unit, { was: was(unit.name), isUp: isUp(unit.name) });
    if (action !== undefined) ({ reload, restart, start })[action].push(unit.name);
  }
  const names = new Set(units.map(({ name }) => name));
  const dropped = [...recorded].filter(([name, text]) => !names.has(name) && text !== NEVER).map(([name]) => name);
  return { stop: [...stop, ...dropped.sort()], reload, restart, start };
}

/** The units whose states {@link planUnits} asks for. */
export function unitsToAsk({ units }: Manifest): readonly string[] {
  return [...new Set(units.flatMap(({ name, service }) => (service === undefined ? [name] : [name, service])))];
}

/** From one system's files of `/etc` to another's. */
export function compareEtc(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): EtcChanges {
  const paths = [...after.keys()].sort();
  return {
    added: paths.filter((path) => !before.has(path)),
    changed: paths.filter((path) => before.has(path) && before.get(path) !== after.get(path)),
    removed: [...before.keys()].filter((path) => !after.has(path)).sort(),
  };
}

const NEVER = "-";
const UP: ReadonlySet<string> = new Set(["active", "activating", "reloading", "refreshing"]);

function actionFor(
  { name, onChange, started }: ManifestUnit,
  { was, isUp }: { readonly was: string; readonly isUp: boolean },
): "reload" | "restart" | "start" | undefined {
  if (name.includes("@.")) return "restart";
  if (/\.(?:target|slice)$/.test(name) || !isUp) return started ? "start" : undefined;
  // What never ran as ours has to be started anew, whatever it says of changes.
  if (was === NEVER) return "restart";
  if (onChange === "keep") return undefined;
  return onChange === "reload" && was.startsWith("/") ? "reload" : "restart";
}
