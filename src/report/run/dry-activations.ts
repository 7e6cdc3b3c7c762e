import type { Paint } from "../text/paint.ts";
import { listNames } from "../text/words.ts";
import type { RunState } from "./run-state.ts";

const MOST_NAMES = 4;

/** What hosts said that activating their systems would do, which is what a dry activation is for; the same of several once. */
export function describeDryActivations({ hosts }: RunState, paint: Paint): string[] {
  const groups = new Map<string, string[]>();
  for (const { name, announced } of hosts.values()) {
    if (announced.length === 0) continue;
    const text = announced.map((line) => `  ${line}`).join("\n");
    const names = groups.get(text) ?? [];
    groups.set(text, names);
    names.push(name);
  }
  return [...groups].flatMap(([text, names]) => [paint("bold", `${listNames(names, MOST_NAMES)}:`), text]);
}
