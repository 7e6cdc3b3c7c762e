import { jsonText, localTime, systemClock } from "#core";
import { createPaint, useColors } from "#report";
import { drawingOn } from "../terminal/draw.ts";
import { forPeople } from "../terminal/for-people.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { watch } from "../terminal/watch.ts";
import { statusJson } from "./status-json.ts";
import type { SeenHost } from "./status-text.ts";
import { statusText, statusVerdict } from "./status-text.ts";

export interface WatchStatusOptions {
  readonly everyMs: number;
  readonly json: boolean;
  /** Whether the hive was asked what it wants. */
  readonly evaluated: boolean;
  readonly terminal: Terminal;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/**
 * Looks again and again until the signal aborts. A terminal shows all hosts; anything else gets what is new, and everything
 * is at first.
 * @returns what was seen in the last round that was whole.
 */
export async function watchStatus(
  look: () => Promise<readonly SeenHost[]>,
  options: WatchStatusOptions,
): Promise<readonly SeenHost[]> {
  const { everyMs, signal, json, terminal } = options;
  const show = terminal.stdout.isTTY === true && !json ? showTable(options) : showChanges(options);
  return watch(look, { show, everyMs, signal });
}

type Show = (seen: readonly SeenHost[]) => void;

/** Draws the table over the last one; where it is higher than the terminal, hosts that are not well come first. */
function showTable({ terminal: { stdout, env }, evaluated }: WatchStatusOptions): Show {
  const paint = createPaint(useColors(stdout, env));
  const draw = drawingOn(stdout);
  return (seen) => {
    const { heading, blocks } = statusText(seen, { paint, columns: stdout.columns });
    const time = new Date(systemClock.now()).toTimeString().slice(0, 8);
    const head = [`${time}  ${statusVerdict(seen, { evaluated })}; Ctrl-C ends this`, "", heading];
    const room = Math.max(1, (stdout.rows ?? Number.POSITIVE_INFINITY) - head.length - 1);
    const lines = blocks.flat();
    if (lines.length <= room) {
      draw([...head, ...lines]);
      return;
    }
    const isWell = (index: number): boolean => {
      const one = seen[index];
      return one !== undefined && "result" in one && one.result.state === "ok";
    };
    const illFirst = [...blocks.filter((_, at) => !isWell(at)), ...blocks.filter((_, at) => isWell(at))].flat();
    draw([...head, ...illFirst.slice(0, room - 1), `… and ${illFirst.length - room + 1} lines more`]);
  };
}

/** Writes what is said of a host when that is not what was said before. */
function showChanges({ json, terminal }: WatchStatusOptions): Show {
  const { stdout, env } = terminal;
  const people = forPeople(stdout, terminal);
  const paint = createPaint(useColors(stdout, env));
  const before = new Map<string, string>();
  return (seen) => {
    const now = systemClock.now();
    const at = json ? new Date(now).toISOString() : localTime(now);
    const { blocks } = statusText(seen, { paint });
    for (const [index, one] of seen.entries()) {
      const { name } = one.host;
      const state = JSON.stringify(statusJson(withoutCountdown(one)));
      if (before.get(name) === state) continue;
      before.set(name, state);
      if (json) stdout.write(`${jsonText({ at, ...statusJson(one) })}\n`);
      else for (const line of blocks[index] ?? []) people.write(`${at}  ${line}\n`);
    }
  };
}

/** A lease that goes on is no news. */
function withoutCountdown(seen: SeenHost): SeenHost {
  if ("error" in seen || seen.result.found.facts.lease === undefined) return seen;
  const { result } = seen;
  const { found } = result;
  const { facts } = found;
  const lease = { ...seen.result.found.facts.lease, expiresInMs: 0 };
  return { ...seen, result: { ...result, found: { ...found, facts: { ...facts, lease } } } };
}
