import { didYouMean, quoteArgv } from "#core";
import { GOALS } from "#hive";
import { CliError } from "./errors.ts";
import { valueIn } from "./value-in.ts";

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
  const behindDashes = command === "exec" ? placeOfCommand(argv, unknown) : undefined;
  const hint = behindDashes ?? [...suggestions, `see ${help}`].join(" ");
  const words = [...takenForGoal(argv, unknown), ...unknown.filter((word) => argv.includes(word))];
  if (words.length === 0 || command === undefined || !selecting.includes(command)) {
    return new CliError("cli/usage", text, { hint });
  }
  const isGuessed = suggestions.length > 0 || behindDashes !== undefined;
  return new UnknownWords(text, { hint, words, hive: valueIn(argv, { names: ["--hive", "-f"] }), isGuessed });
}

/** Where the command of `skep exec` should have been given, if it stands among skep's own words. */
function placeOfCommand(argv: readonly string[], unknown: readonly string[]): string | undefined {
  const at = argv.findIndex((word, index) => index > 0 && unknown.includes(word));
  if (at === -1 || argv.includes("--")) return undefined;
  const [own, command] = [argv.slice(0, at), argv.slice(at)];
  const selected = own.some((word) => word === "--on" || word.startsWith("--on="));
  const line = quoteArgv(["skep", ...own, ...(selected ? [] : ["--on", "web-1"]), "--", ...command]);
  return `the command stands behind two dashes: ${line}`;
}

/** What stands where the goal would, and is none, is told of only when nothing else is unknown. */
function takenForGoal([command, first = "-"]: readonly string[], unknown: readonly string[]): readonly string[] {
  const takesGoal = command === "deploy" || command === "plan";
  const isGoal = GOALS.some((goal) => goal === first);
  return takesGoal && unknown.length > 0 && !first.startsWith("-") && !isGoal && !unknown.includes(first)
    ? [first]
    : [];
}

/** What those who look for an option that skep does not have are told. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "dry-run": "skep plan shows what would change, and skep deploy dry-activate also lets the hosts say it:",
};

/** Shorter words are near to every short one. */
const SHORTEST_GUESSED = 3;

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
    const suggestions = unknown.flatMap((word) => {
      if (ELSEWHERE[word] !== undefined && !knownWords.includes(word)) return [ELSEWHERE[word]];
      return (word.length < SHORTEST_GUESSED ? undefined : didYouMean(word, knownWords)) ?? [];
    });
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
