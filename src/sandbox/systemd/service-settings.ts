import { readFile } from "node:fs/promises";
import { errnoOf, parseDuration } from "#core";
import type { PortMap } from "../ports.ts";
import { resolveInRoot } from "../resolve-in-root.ts";
import { placeWord } from "./place-words.ts";
import type { Unit } from "./unit-files.ts";
import { expandSpecifiers, expandVariables, splitUnitWords } from "./unit-words.ts";

/** What the services of one host have in common. */
export interface ServicePlace {
  readonly root: string;
  readonly hostName: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: Pick<PortMap, "portOf">;
  /** Aborts when the host is switched off: nothing is started from then on. */
  readonly over: AbortSignal;
}

/** One command of a unit: `-` before it makes its failure no matter. */
export interface UnitCommand {
  readonly argv: readonly [program: string, ...args: string[]];
  readonly mayFail: boolean;
}

/** When a service that ended by itself is started again. */
export type RestartPolicy = "no" | "always" | "on-success" | "on-failure" | "on-abnormal" | "on-abort";

/** How long systemd waits by default for a start or a stop. */
const DEFAULT_TIMEOUT_MS = 90_000;

/** A time span of a unit file (`5`, `500ms`, `1min 30s`, `infinity`) in milliseconds. */
export function readTimeSpan(unit: Unit, key: string, otherwise: number): number {
  const text = unit.settings.get("Service", key);
  if (text === undefined) return otherwise;
  if (text === "infinity" || text === "0") return Number.POSITIVE_INFINITY;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  return (
    parseDuration(
      text
        .replaceAll(/\s+/g, "")
        .replaceAll(/(?:seconds?|sec)/g, "s")
        .replaceAll(/min(?:utes?)?/g, "m"),
    ) ?? otherwise
  );
}

export function readStopTimeout(unit: Unit): number {
  return readTimeSpan(unit, "TimeoutStopSec", readTimeSpan(unit, "TimeoutSec", DEFAULT_TIMEOUT_MS));
}

export function readStartTimeout(unit: Unit): number {
  const isOneshot = unit.settings.get("Service", "Type") === "oneshot";
  const otherwise = isOneshot ? Number.POSITIVE_INFINITY : DEFAULT_TIMEOUT_MS;
  return readTimeSpan(unit, "TimeoutStartSec", readTimeSpan(unit, "TimeoutSec", otherwise));
}

/**
 * The commands of `ExecStart=` and its siblings, with specifiers, variables and paths put in.
 * @throws Error when a quote is left open.
 */
export async function readCommands(
  unit: Unit,
  key: string,
  { place, environment }: { readonly place: ServicePlace; readonly environment: Readonly<Record<string, string>> },
): Promise<UnitCommand[]> {
  const commands: UnitCommand[] = [];
  for (const line of unit.settings.all("Service", key)) {
    const [, prefix = "", rest = ""] = /^([-@:+!|]*)(.*)$/s.exec(line) ?? [];
    const words = splitUnitWords(expandSpecifiers(rest, { unit: unit.name, hostName: place.hostName }));
    if (words === undefined) throw new Error(`${key}=${line}: a quote is left open`);
    // After "@" comes the name the program is to see as its own, which /bin/sh could not give it.
    if (prefix.includes("@")) words.splice(1, 1);
    const expanded = prefix.includes(":") ? words : expandVariables(words, environment);
    const [program, ...args] = await Promise.all(expanded.map((word) => placeWord(place.root, word)));
    if (program === undefined) continue;
    commands.push({ argv: [program, ...args], mayFail: prefix.includes("-") });
  }
  return commands;
}

/** The whole environment of a service: the host's, then `Environment=`, then `EnvironmentFile=`. */
export async function readEnvironment(unit: Unit, place: ServicePlace): Promise<Record<string, string>> {
  const own: Record<string, string> = {};
  for (const value of unit.settings.all("Service", "Environment")) {
    const words = splitUnitWords(expandSpecifiers(value, { unit: unit.name, hostName: place.hostName })) ?? [];
    for (const word of words) assign(own, word);
  }
  for (const value of unit.settings.all("Service", "EnvironmentFile")) {
    const path = await resolveInRoot(place.root, value.replace(/^-/, ""));
    try {
      for (const line of (await readFile(path, "utf8")).split("\n")) {
        if (/^\s*[#;]/.test(line) || !line.includes("=")) continue;
        const equals = line.indexOf("=");
        const words = splitUnitWords(line.slice(equals + 1)) ?? [];
        assign(own, `${line.slice(0, equals).trim()}=${words.join(" ")}`);
      }
    } catch (error) {
      if (!(value.startsWith("-") && errnoOf(error) === "ENOENT")) throw error;
    }
  }
  const placed: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    const isPort =
      /^(?:\w+_)?PORT$/.test(name) && /^\d{1,5}$/.test(value) && Number(value) > 0 && Number(value) < 65_536;
    placed[name] = isPort ? String(await place.ports.portOf(Number(value))) : await placeWord(place.root, value);
  }
  return { ...place.environment, ...placed };
}

/** Where a service runs: `WorkingDirectory=` below the root, else the root itself. */
export async function readWorkingDirectory(unit: Unit, { root, environment }: ServicePlace): Promise<string> {
  const text = unit.settings.get("Service", "WorkingDirectory")?.replace(/^-/, "");
  if (text === undefined) return root;
  if (text === "~") return environment.HOME ?? root;
  return resolveInRoot(root, text);
}

function assign(environment: Record<string, string>, word: string): void {
  const equals = word.indexOf("=");
  if (equals > 0) environment[word.slice(0, equals)] = word.slice(equals + 1);
}
