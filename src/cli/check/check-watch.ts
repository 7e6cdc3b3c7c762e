import { jsonText, localTime, systemClock } from "#core";
import type { Host } from "#hive";
import { useColors } from "#report";
import { drawingOn } from "../terminal/draw.ts";
import { forPeople } from "../terminal/for-people.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { watch } from "../terminal/watch.ts";
import type { CheckRounds, HostHealth } from "./check-rounds.ts";
import { isWell } from "./check-rounds.ts";
import { createCheckTable } from "./check-table.ts";

export interface WatchChecksOptions {
  readonly hosts: readonly Host[];
  readonly everyMs: number;
  readonly json: boolean;
  readonly terminal: Terminal;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/**
 * Checks the hosts again and again until the signal aborts. A terminal shows them all; anything else gets a line for
 * each thing that is new, and everything is at first.
 * @returns how they were in the last round that was whole.
 */
export async function watchChecks(rounds: CheckRounds, options: WatchChecksOptions): Promise<readonly HostHealth[]> {
  const { everyMs, signal, json, terminal } = options;
  const show = terminal.stdout.isTTY === true && !json ? showTable(options) : showChanges(options);
  return watch(() => rounds.next(), { show, everyMs, signal });
}

type Show = (healths: readonly HostHealth[]) => void;

/** Draws the table over the last one; where it is higher than the terminal, hosts that are not well come first. */
function showTable({ hosts, terminal: { stdout, env } }: WatchChecksOptions): Show {
  const table = createCheckTable(hosts, { colors: useColors(stdout, env) });
  const draw = drawingOn(stdout);
  return (healths) => {
    const rows = stdout.rows ?? Number.POSITIVE_INFINITY;
    const time = new Date(systemClock.now()).toTimeString().slice(0, 8);
    const ill = healths.filter((health) => !isWell(health)).length;
    const heading = `${time}  ${healths.length - ill} of ${healths.length} hosts are well; Ctrl-C ends this`;
    const linesOf = (some: readonly HostHealth[]): readonly string[] => some.flatMap((one) => table.linesOf(one));
    let lines = [heading, "", ...linesOf(healths)];
    if (lines.length >= rows) {
      const illFirst = [...healths.filter((health) => !isWell(health)), ...healths.filter(isWell)];
      const cut = linesOf(illFirst);
      const room = Math.max(0, rows - 4);
      lines = [heading, "", ...cut.slice(0, room), `… and ${cut.length - room} lines more`];
    }
    draw(lines);
  };
}

/** Writes what is not as it was in the round before: checks that begin to pass or to fail, hosts that cannot be asked. */
function showChanges({ hosts, json, terminal }: WatchChecksOptions): Show {
  const { stdout, env } = terminal;
  const people = forPeople(stdout, terminal);
  const table = createCheckTable(hosts, { colors: useColors(stdout, env) });
  const before = new Map<string, ReadonlyMap<string, string>>();
  return (healths) => {
    const now = systemClock.now();
    const at = json ? new Date(now).toISOString() : localTime(now);
    for (const health of healths) {
      const things = thingsOf(health);
      const known = before.get(health.host.name);
      before.set(health.host.name, new Map(things.map(({ key, state }) => [key, state])));
      for (const { key, state, change, shown } of things) {
        if (known?.get(key) === state) continue;
        if (json) stdout.write(`${jsonText({ at, ...change })}\n`);
        else for (const line of table.linesOf(shown)) people.write(`${at}  ${line}\n`);
      }
    }
  };
}

interface Thing {
  /** The check's name; of the host itself, nothing. */
  readonly key: string;
  /** What makes it the same as before. */
  readonly state: string;
  readonly change: object;
  readonly shown: HostHealth;
}

function thingsOf(health: HostHealth): readonly Thing[] {
  const host = health.host.name;
  if ("error" in health) {
    const { code } = health.error;
    return [{ key: "", state: code, change: { host, error: health.error }, shown: health }];
  }
  if (health.results.length === 0) return [{ key: "", state: "none", change: { host, checks: 0 }, shown: health }];
  return health.results.map((result) => {
    const { check, passed, lastSeen, details } = result;
    const change = { host, check: check.name, passed, seen: lastSeen.at(-1), details };
    return { key: check.name, state: String(passed), change, shown: { host: health.host, results: [result] } };
  });
}
