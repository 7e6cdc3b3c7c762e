import type { CommandDescription } from "./describe-commands.ts";
import { allCommands } from "./describe-commands.ts";

/**
 * The words that a mistyped one of this command line may be meant for: what its command knows; without one, commands. Options
 * have their dashes.
 */
export function knownWords(commands: readonly CommandDescription[], argv: readonly string[]): readonly string[] {
  const command = commandOf(commands, argv);
  const known = command === undefined ? commands.flatMap(({ path }) => path) : wordsOf(command);
  return [...new Set([...known, "--help", "--version"])];
}

/** The command that a command line calls, as far as its words tell. */
export function commandOf(
  commands: readonly CommandDescription[],
  argv: readonly string[],
): CommandDescription | undefined {
  const [word, ...rest] = argv.filter((each) => !each.startsWith("-"));
  const found = commands.find(({ path }) => path.at(-1) === word);
  return found === undefined ? undefined : (commandOf(found.commands, rest) ?? found);
}

function wordsOf({ options, commands }: CommandDescription): readonly string[] {
  return [...options.map(({ name }) => `--${name}`), ...commands.flatMap(({ path }) => path.slice(-1))];
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
