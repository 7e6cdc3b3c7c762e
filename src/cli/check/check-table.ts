import type { Host } from "#hive";
import { plainLine } from "#report";
import type { HostHealth } from "./check-rounds.ts";

export interface CheckTable {
  /** The lines about one host: one a check, and below those that failed what the host's journal says. */
  linesOf(health: HostHealth): readonly string[];
}

type State = "ok" | "failed" | "unknown" | "none";
const STATES = ["ok", "failed", "unknown", "none"] as const satisfies readonly State[];
const COLORS: Readonly<Record<State, number>> = { ok: 32, failed: 31, unknown: 33, none: 2 };

/** Columns for the host, the state, the check and what was seen, wide enough for all the hosts. */
export function createCheckTable(hosts: readonly Host[], { colors }: { readonly colors: boolean }): CheckTable {
  const hostWidth = widest(hosts.map(({ name }) => name));
  const stateWidth = widest(STATES);
  const checkWidth = widest(hosts.flatMap(({ checks }) => checks.map(({ name }) => name)));
  const row = (host: string, state: State, ...cells: readonly string[]): string => {
    const word = state.padEnd(stateWidth);
    const shown = colors ? `\u001b[${COLORS[state]}m${word}\u001b[${state === "none" ? 22 : 39}m` : word;
    return [host.padEnd(hostWidth), shown, ...cells].join("  ");
  };
  return {
    linesOf(health) {
      const { name } = health.host;
      if ("error" in health) return [row(name, "unknown", firstLine(health.error.message))];
      if (health.results.length === 0) return [row(name, "none", "it has no checks")];
      return health.results.flatMap(({ check, passed, lastSeen, details }) => [
        row(name, passed ? "ok" : "failed", check.name.padEnd(checkWidth), lastSeen.join(", then ")),
        ...details.map((line) => `${" ".repeat(hostWidth + stateWidth + 4)}${plainLine(line)}`),
      ]);
    },
  };
}

function firstLine(text: string): string {
  return plainLine(text.split("\n", 1)[0] ?? "");
}

function widest(words: readonly string[]): number {
  return Math.max(0, ...words.map(({ length }) => length));
}
