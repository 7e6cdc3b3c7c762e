import type { CommandDescription } from "./describe-commands.ts";
import { allCommands } from "./describe-commands.ts";

/** The words that a mistyped one may be meant for: commands and options. */
export function knownWords(commands: readonly CommandDescription[]): readonly string[] {
  const words = allCommands(commands).flatMap(({ path, options }) => [...path, ...options.map(({ name }) => name)]);
  return [...new Set([...words, "help", "version"])];
}

/** The commands that take a selection of hosts, themselves or one below them. */
export function selectingCommands(commands: readonly CommandDescription[]): readonly string[] {
  const selects = (command: CommandDescription): boolean =>
    allCommands([command]).some(({ options }) => options.some(({ name }) => name === "on"));
  return commands.filter(selects).flatMap(({ path }) => path);
}

/** Whether there is an option of that name, which may be given once only. */
export function isSingleOption(name: string, commands: readonly CommandDescription[]): boolean {
  const options = allCommands(commands).flatMap((command) => command.options.filter((option) => option.name === name));
  return options.length > 0 && options.every(({ isList }) => !isList);
}
