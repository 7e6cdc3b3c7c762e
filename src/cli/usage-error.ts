import { didYouMean } from "#core";
import { CliError } from "./errors.ts";

/** An error of the command line in our words, made from the message yargs has for it. */
export function usageError(
  message: string,
  { argv, knownWords }: { readonly argv: readonly string[]; readonly knownWords: readonly string[] },
): CliError {
  const { text, suggestions, unknown } = reword(message, knownWords);
  const command = argv.find((word) => !word.startsWith("-"));
  const help = command === undefined || unknown.includes(command) ? "skep --help" : `skep ${command} --help`;
  return new CliError("cli/usage", text, { hint: [...suggestions, `see ${help}`].join(" ") });
}

/** yargs names an unknown option twice, the second time as JavaScript would spell it. */
function isAsGiven(word: string, _index: number, words: readonly string[]): boolean {
  const asOption = word.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return asOption === word || !words.includes(asOption);
}

interface Reworded {
  readonly text: string;
  readonly suggestions: readonly string[];
  /** The words that yargs did not know. */
  readonly unknown: readonly string[];
}

function reword(message: string, knownWords: readonly string[]): Reworded {
  const unknown = /^Unknown (?:arguments?|commands?): (.+)$/.exec(message)?.[1]?.split(", ").filter(isAsGiven) ?? [];
  if (unknown.length > 0) {
    const suggestions = unknown.flatMap((word) => didYouMean(word, knownWords) ?? []);
    return { text: `unknown argument: ${unknown.join(", ")}`, suggestions, unknown };
  }
  const choice = /Argument: (\S+), Given: "(.*)", Choices: (.+)$/m.exec(message);
  if (choice !== null) {
    const [, name = "", given = "", list = ""] = choice;
    const choices = list.split(", ").map((word) => word.replaceAll('"', ""));
    const near = didYouMean(given, choices);
    const text = `${name} cannot be "${given}": it is one of ${choices.join(", ")}`;
    return { text, suggestions: near === undefined ? [] : [near], unknown: [] };
  }
  const missing = /^Not enough arguments following: (.+)$/.exec(message)?.[1];
  if (missing !== undefined) {
    return { text: `${missing.length === 1 ? "-" : "--"}${missing} needs a value`, suggestions: [], unknown: [] };
  }
  return { text: message.charAt(0).toLowerCase() + message.slice(1), suggestions: [], unknown: [] };
}
