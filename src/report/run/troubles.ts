import type { SkepErrorJson } from "#core";
import { OUTCOMES } from "#rollout";
import type { Paint } from "../text/paint.ts";
import { plainLine, plainLines } from "../text/plain-text.ts";
import { listNames } from "../text/words.ts";
import type { HostState, Notice, RunState } from "./run-state.ts";

/** What went wrong in the same way on one host or several. */
export interface Trouble {
  readonly hosts: string[];
  readonly error: SkepErrorJson;
  /** The last lines that the first of the hosts printed. */
  readonly log: readonly string[];
}

const NAMES_BEFORE_MESSAGE = 4;
/** After Ctrl-C it is asked who was not begun: all of them are named. */
const ALL_NAMES = Infinity;

/**
 * Everything that went wrong, in full: message, code, hint and the last lines that were printed before it. What is the
 * same on several hosts is said once, with the hosts it is for.
 */
export function describeTroubles(state: RunState, paint: Paint): string[] {
  return [...skippedLines(state, paint), ...collectTroubles(state).flatMap((trouble) => troubleLines(trouble, paint))];
}

/** Everything that went wrong, what is the same on several hosts once, the worst last. */
function collectTroubles(state: RunState): readonly Trouble[] {
  const troubles = new Map<string, Trouble>();
  // The worst last, as in the closing table; but those that only went back with others behind what made them.
  const hosts = Array.from(state.hosts.values()).sort((a, b) => severityOf(a) - severityOf(b));
  hosts.sort((a, b) => Number(wasReverted(a)) - Number(wasReverted(b)));
  for (const host of hosts) {
    const error = errorOf(host);
    if (error === undefined) continue;
    // Hints may name the host: that of the first is as good as any.
    const key = JSON.stringify([error.code, error.message, error.cause]);
    const same = troubles.get(key);
    if (same === undefined) troubles.set(key, { hosts: [host.name], error, log: logBefore(host, error) });
    else same.hosts.push(host.name);
  }
  return [...troubles.values()];
}

/** The same with the worst first, for what is read from its top; those that only went back with others stay behind. */
export function troublesByWeight(state: RunState): readonly Trouble[] {
  const troubles = [...collectTroubles(state)].reverse();
  const isReverted = ({ hosts }: Trouble): boolean => {
    const host = state.hosts.get(hosts[0] ?? "");
    return host !== undefined && wasReverted(host);
  };
  return [...troubles.filter((one) => !isReverted(one)), ...troubles.filter(isReverted)];
}

function severityOf({ report }: HostState): number {
  return report === undefined ? -1 : OUTCOMES.indexOf(report.outcome);
}

function wasReverted(host: HostState): boolean {
  return errorOf(host)?.code === "rollout/reverted";
}

function errorOf(host: HostState): SkepErrorJson | undefined {
  if (host.report !== undefined) return "error" in host.report ? host.report.error : undefined;
  return host.failures.at(-1)?.error;
}

/** The last lines a host printed before that error, but for those that the error quotes. */
export function logBefore(host: HostState, error: SkepErrorJson): readonly string[] {
  const failure = host.failures.find((candidate) => candidate.error.message === error.message) ?? host.failures.at(-1);
  const lines = failure?.log ?? [];
  const last = lines.at(-1);
  // A layer that quotes the output in its own message has said it already.
  return last !== undefined && `${error.message}\n${error.cause ?? ""}`.includes(last) ? [] : lines;
}

function troubleLines({ hosts, error, log }: Trouble, paint: Paint): string[] {
  const [message = "", ...more] = plainLines(error.message);
  const shown = hosts.length > NAMES_BEFORE_MESSAGE ? `${hosts.length} hosts` : hosts.join(", ");
  const cause = error.cause !== undefined && !error.message.includes(error.cause) ? plainLines(error.cause) : [];
  return [
    `${paint("red", "skep: error:")} ${paint("bold", shown)}: ${message} ${paint("dim", `[${plainLine(error.code)}]`)}`,
    ...[...more, ...cause, ...log].map((line) => `  ${paint("dim", "|")} ${line}`.trimEnd()),
    ...(error.hint === undefined ? [] : [`${paint("cyan", "skep: hint:")} ${plainLine(error.hint)}`]),
    ...(hosts.length > NAMES_BEFORE_MESSAGE ? [`  on ${hosts.join(", ")}`] : []),
  ];
}

/** What there is to know although nothing failed, the same on several hosts once. */
export function describeNotices(notices: readonly Notice[], paint: Paint): string[] {
  return groupNames(notices.map(({ host, message }) => [host, plainLine(message)])).map((text) =>
    noticeLine(text, paint),
  );
}

function skippedLines(state: RunState, paint: Paint): string[] {
  const skipped = Array.from(state.hosts.values()).flatMap(({ name, report }) =>
    report?.outcome === "skipped" ? [[name, `skipped: ${plainLine(report.reason)}`] as const] : [],
  );
  const most = state.interruption === "none" && state.report?.interrupted !== true ? NAMES_BEFORE_MESSAGE : ALL_NAMES;
  return groupNames(skipped, most).map((text) => noticeLine(text, paint));
}

function noticeLine(text: string, paint: Paint): string {
  return `${paint("yellow", "skep: notice:")} ${text}`;
}

/** `web-1, web-2: text` for each text, in the order they first came. */
function groupNames(
  entries: readonly (readonly [name: string | undefined, text: string])[],
  most = NAMES_BEFORE_MESSAGE,
): string[] {
  const names = new Map<string, string[]>();
  for (const [name, text] of entries) {
    const known = names.get(text) ?? [];
    if (name !== undefined) known.push(name);
    names.set(text, known);
  }
  return Array.from(names, ([text, group]) => (group.length === 0 ? text : `${listNames(group, most)}: ${text}`));
}
