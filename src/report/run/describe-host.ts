import { formatBytes } from "#core";
import { plainLine } from "../text/plain-text.ts";
import { counted } from "../text/words.ts";
import type { HostState } from "./run-state.ts";

/** What a host's report says beside how it ended: a word for each thing and what there is to say, in full. */
export function describeHost({ report }: HostState): readonly (readonly [name: string, text: string])[] {
  if (report === undefined) return [];
  const { from, to, generation, copiedPaths, copiedBytes, logins, notices } = report;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["ran", from],
    ["was to run", from === to ? undefined : to],
    ["generation", generation === undefined ? undefined : String(generation)],
    ["copied", copiedPaths === 0 ? undefined : `${counted(copiedPaths, "path")}, ${formatBytes(copiedBytes)}`],
    ["logins", logins === 0 ? undefined : String(logins)],
    ...notices.map((notice) => ["notice", plainLine(notice)] as const),
  ];
  return facts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}
