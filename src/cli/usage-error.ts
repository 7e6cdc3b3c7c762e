import { didYouMean } from "#core";
import { CliError } from "./errors.ts";

/** Words that neither the command nor one of its options knows, after a command that takes a selection of hosts. */
export class UnknownWords extends CliError {
  readonly words: readonly string[];
  /** What `--hive` names, where it does. */
  readonly hive: string | undefined;
  /** Whether its hint has a guess already, which is to stay unless a word is exactly a host's. */
  readonly isGuessed: boolean;

  constructor(
    message: string,
    { hint, words, hive, isGuessed }: Pick<UnknownWords, "words" | "hive" | "isGuessed"> & { readonly hint: string },
  ) {
    super("cli/usage", message, { hint });
    this.words = words;
    this.hive = hive;
    this.isGuessed = isGuessed;
  }
}

/** An error of the command line in our words, made from the message yargs has for it. */
export function usageError(
  message: string,
  {
    argv,
    knownWords,
    selecting,
  }: {
    readonly argv: readonly string[];
    readonly knownWords: readonly string[];
    /** The commands that take a selection of hosts. */
    readonly selecting: readonly string[];
  },
): CliError {
  const { text, suggestions, unknown } = reword(message, knownWords);
  const command = argv.find((word) => !word.startsWith("-"));
  const help = command === undefined || unknown.includes(command) ? "skep --help" : `skep ${command} --help`;
  const hint = [...suggestions, `see ${help}`].join(" ");
  const words = unknown.filter((word) => argv.includes(word));
  if (words.length === 0 || command === undefined || !selecting.includes(command)) {
    return new CliError("cli/usage", text, { hint });
  }
  return new UnknownWords(text, { hint, words, hive: hiveIn(argv), isGuessed: suggestions.length > 0 });
}

/** yargs names an unknown option twice, the second time as JavaScript would spell it. */
function isAsGiven(word: string, _index: number, words: readonly string[]): boolean {
  const asOption = word.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return asOption === word || !words.includes(asOption);
}

/** The words were not read to their end, so the option is looked for as it stands. */
function hiveIn(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((word) => word === "--hive" || word === "-f");
  return at === -1 ? argv.find((word) => word.startsWith("--hive="))?.slice("--hive=".length) : argv[at + 1];
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
    return { text, suggestions: near === undefined ? [] : [near], unknown: name === "goal" ? [given] : [] };
  }
  const missing = /^Not enough arguments following: (.+)$/.exec(message)?.[1];
  if (missing !== undefined) {
    return { text: `${missing.length === 1 ? "-" : "--"}${missing} needs a value`, suggestions: [], unknown: [] };
  }
  return { text: message.charAt(0).toLowerCase() + message.slice(1), suggestions: [], unknown: [] };
}
