import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import type { Hive, Host } from "#hive";
import { selectHosts } from "#hive";
import { loadHive } from "../hive/load-hive.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of {@link withHiveOptions}. */
export const hiveOptions = {
  hive: {
    alias: "f",
    type: "string",
    requiresArg: true,
    description: "The hive file, or its folder; else SKEP_HIVE, else hive.ts here or in a folder above",
  },
  on: {
    type: "string",
    requiresArg: true,
    description: 'The hosts: names, globs, @tags; "," or, "&" and, "!" not, parentheses',
  },
} as const;

export type HiveArguments = InferredOptionTypes<typeof hiveOptions>;

/** The options of every command that works on hosts of a hive. */
export function withHiveOptions<T>(parser: Yargs<T>): Yargs<T & HiveArguments> {
  return parser.options(hiveOptions).group(Object.keys(hiveOptions), "Which hosts:") as unknown as Yargs<
    T & HiveArguments
  >;
}

/** What a command is for. */
export interface Selection {
  readonly hive: Hive;
  readonly hosts: readonly Host[];
}

/** Loads the hive that the command line, the environment or the folder names, and selects from it. */
export async function loadSelection(
  { hive: file, on }: Pick<HiveArguments, "hive" | "on">,
  { cwd, env }: Terminal,
): Promise<Selection> {
  const hive = await loadHive({ file, cwd, env });
  return { hive, hosts: selectHosts(hive, on) };
}
