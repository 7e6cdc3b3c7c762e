import { closest, didYouMean, quoteArgv } from "#core";
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
  const { text, suggestions, unknown } = reword(message, { knownWords, argv });
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
  // What is selected may be among the words, too: `exec --on web-1 ping web-1`.
  const at = argv.findIndex((word, index) => index > 0 && argv[index - 1] !== "--on" && unknown.includes(word));
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
  "--dry-run": "skep plan shows what would change, and skep deploy dry-activate also lets the hosts say it:",
};

/** Shorter words are near to every short one. */
const SHORTEST_GUESSED = 3;

/** A word without the dashes that yargs leaves out, as the command line has it. */
function wordIn(argv: readonly string[], word: string): string {
  const spellings = [`--${word}`, `--no-${word}`, `-${word}`];
  const isGiven = (spelling: string): boolean =>
    argv.some((given) => given === spelling || given.startsWith(`${spelling}=`));
  const isOfGroup = word.length === 1 && argv.some((given) => /^-[^-]/.test(given) && given.includes(word));
  return argv.includes(word) ? word : (spellings.find(isGiven) ?? (isOfGroup ? `-${word}` : word));
}

/** Dashes tell nothing of how near two words are: those of an option that is meant may have been forgotten. */
function meantBy(word: string, knownWords: readonly string[]): string | undefined {
  const bare = withoutDashes(word);
  if (bare.length < SHORTEST_GUESSED) return undefined;
  const candidates = word.startsWith("-") ? knownWords.filter((known) => known.startsWith("-")) : knownWords;
  const near = closest(bare, candidates.map(withoutDashes));
  const meant = candidates.find((known) => withoutDashes(known) === near);
  return meant === undefined ? undefined : `did you mean "${meant}"?`;
}

function withoutDashes(word: string): string {
  return word.replace(/^--?/, "");
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

function reword(
  message: string,
  { knownWords, argv }: { readonly knownWords: readonly string[]; readonly argv: readonly string[] },
): Reworded {
  const unknown = /^Unknown (?:arguments?|commands?): (.+)$/.exec(message)?.[1]?.split(", ").filter(isAsGiven) ?? [];
  if (unknown.length > 0) {
    const asGiven = unknown.map((word) => wordIn(argv, word));
    const suggestions = asGiven.flatMap((word) => ELSEWHERE[word] ?? meantBy(word, knownWords) ?? []);
    return { text: `unknown argument: ${asGiven.join(", ")}`, suggestions, unknown };
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
