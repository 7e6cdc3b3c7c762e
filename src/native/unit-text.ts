import { parseDuration } from "#core";
import type { Duration } from "#core";
import type { Scope, ServiceUnit, SocketUnit, TimerUnit, Unit } from "#hive";
import { environmentLine, execLine, plainValue } from "./exec-line.ts";
import { isCommand, isText, isWord, renderTemplate } from "./render-template.ts";

/** What a unit is written for. */
export interface UnitScope {
  readonly host: string;
  readonly scope: Scope;
  /** The names of all units of the system. */
  readonly unitNames: ReadonlySet<string>;
  /** Told of every program that the unit runs. */
  readonly onProgram: (program: string, where: string) => void;
}

type TypedUnit = Exclude<Unit, string>;
type Lines = [key: string, value: string][];

/**
 * A unit as the text of its file. Raw text stays as it is.
 * @throws NativeError `native/template`.
 */
export function unitText(name: string, unit: Unit, context: UnitScope): string {
  if (typeof unit === "string") return unit;
  const sections = new Map<string, Lines>([["Unit", unitLines(name, unit, context)]]);
  if (unit.kind === "service") sections.set("Service", serviceLines(name, unit, context));
  if (unit.kind === "timer") sections.set("Timer", timerLines(unit));
  if (unit.kind === "socket") sections.set("Socket", socketLines(unit));
  sections.set("Install", [
    ...joined("WantedBy", unit.wantedBy ?? defaultWantedBy(name, unit, context)),
    ...joined("RequiredBy", unit.requiredBy),
  ]);
  for (const [section, directives] of Object.entries(unit.settings ?? {})) {
    const lines = sections.get(section) ?? [];
    sections.set(section, lines);
    for (const [key, value] of Object.entries(directives)) lines.push(...listed(key, value));
  }
  return [...sections]
    .filter(([, lines]) => lines.length > 0)
    .map(([section, lines]) => `[${section}]\n${lines.map(([key, value]) => `${key}=${value}\n`).join("")}`)
    .join("\n");
}

/** A service that something else of the same name starts is not started by itself. */
function defaultWantedBy(name: string, { kind }: TypedUnit, { unitNames }: UnitScope): readonly string[] {
  if (kind === "timer") return ["timers.target"];
  if (kind === "socket") return ["sockets.target"];
  const stem = name.slice(0, name.lastIndexOf("."));
  const starters = kind === "service" ? ["timer", "socket", "path"] : [];
  const isTemplate = stem.endsWith("@");
  return isTemplate || starters.some((type) => unitNames.has(`${stem}.${type}`)) ? [] : ["multi-user.target"];
}

function unitLines(name: string, unit: TypedUnit, { host, scope }: UnitScope): Lines {
  const where = `units["${name}"].restartTriggers`;
  const isRight = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isWord);
  const triggers = renderTemplate(unit.restartTriggers ?? [], {
    host,
    scope,
    where,
    expected: "a list of texts",
    isRight,
  });
  return [
    ["Description", plainValue(unit.description ?? name)],
    ...joined("After", unit.after),
    ...joined("Before", unit.before),
    ...joined("Wants", unit.wants),
    ...joined("Requires", unit.requires),
    ...joined("PartOf", unit.partOf),
    ...triggers.map((trigger): [string, string] => ["X-Restart-Trigger", JSON.stringify(trigger)]),
  ];
}

function serviceLines(name: string, unit: ServiceUnit, context: UnitScope): Lines {
  const place = (field: keyof ServiceUnit) => ({ ...context, where: `units["${name}"].${field}` });
  const command = (key: string, field: "exec" | "execReload" | "execStop"): Lines => {
    const template = unit[field];
    if (template === undefined) return [];
    const { where } = place(field);
    const argv = renderTemplate(template, {
      ...place(field),
      expected: "a program and its arguments",
      isRight: isCommand,
    });
    context.onProgram(argv[0], where);
    return [[key, execLine(argv)]];
  };
  const commands = (key: string, field: "execStartPre" | "execStartPost"): Lines => {
    const isRight = (value: unknown): value is readonly (readonly [string, ...string[]])[] =>
      Array.isArray(value) && value.every(isCommand);
    const argvs = renderTemplate(unit[field] ?? [], { ...place(field), expected: "a list of commands", isRight });
    for (const [program] of argvs) context.onProgram(program, place(field).where);
    return argvs.map((argv) => [key, execLine(argv)]);
  };
  const { workingDirectory } = unit;
  return [
    ["Type", unit.type ?? "exec"],
    ...commands("ExecStartPre", "execStartPre"),
    ...command("ExecStart", "exec"),
    ...commands("ExecStartPost", "execStartPost"),
    ...command("ExecReload", "execReload"),
    ...command("ExecStop", "execStop"),
    ...environmentLines(unit, place("environment")),
    ...(workingDirectory === undefined
      ? []
      : one(
          "WorkingDirectory",
          renderTemplate(workingDirectory, {
            ...place("workingDirectory"),
            expected: "an absolute path",
            isRight: (value): value is string => isWord(value) && /^\/[^\n]*$/.test(value),
          }),
        )),
    ...one("User", unit.user),
    ...one("Group", unit.group),
    ...one("DynamicUser", unit.dynamicUser),
    ...one("StateDirectory", unit.stateDirectory),
    ...one("RuntimeDirectory", unit.runtimeDirectory),
    ...one("Restart", unit.restart),
    ...span("RestartSec", unit.restartSec),
    ...one("RemainAfterExit", unit.remainAfterExit),
  ];
}

function environmentLines(unit: ServiceUnit, place: UnitScope & { readonly where: string }): Lines {
  const isRight = (value: unknown): value is Readonly<Record<string, string | number | undefined>> =>
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((text) => text === undefined || typeof text === "number" || isWord(text));
  const expected = "variables by name";
  const variables = renderTemplate(unit.environment ?? {}, { ...place, expected, isRight });
  return Object.entries(variables).flatMap(([name, value]): Lines =>
    value === undefined ? [] : [["Environment", environmentLine(name, String(value))]],
  );
}

function timerLines(unit: TimerUnit): Lines {
  return [
    ...listed("OnCalendar", unit.onCalendar),
    ...span("OnBootSec", unit.onBootSec),
    ...span("OnActiveSec", unit.onActiveSec),
    ...span("OnUnitActiveSec", unit.onUnitActiveSec),
    ...span("RandomizedDelaySec", unit.randomizedDelaySec),
    ...span("AccuracySec", unit.accuracySec),
    ...one("Persistent", unit.persistent),
    ...one("Unit", unit.unit),
  ];
}

function socketLines(unit: SocketUnit): Lines {
  return [
    ...listed("ListenStream", unit.listenStream),
    ...listed("ListenDatagram", unit.listenDatagram),
    ...one("Accept", unit.accept),
    ...one("SocketMode", unit.socketMode),
    ...one("SocketUser", unit.socketUser),
    ...one("SocketGroup", unit.socketGroup),
    ...one("Service", unit.service),
  ];
}

function joined(key: string, names: readonly string[] | undefined): Lines {
  return names === undefined || names.length === 0 ? [] : [[key, names.join(" ")]];
}

function one(key: string, value: string | boolean | undefined): Lines {
  if (value === undefined) return [];
  return [[key, isText(value) ? plainValue(value) : yesNo(value)]];
}

function span(key: string, duration: Duration | undefined): Lines {
  const ms = duration === undefined ? undefined : parseDuration(duration);
  return ms === undefined ? [] : [[key, `${ms}ms`]];
}

type Value = string | number | boolean;

function listed(key: string, value: Value | readonly Value[] | undefined): Lines {
  if (value === undefined) return [];
  const values = Array.isArray(value) ? (value as readonly Value[]) : [value as Value];
  return values.map((item) => [key, typeof item === "boolean" ? yesNo(item) : String(item)]);
}

function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}
