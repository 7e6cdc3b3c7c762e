import type { CommandDescription, OptionDescription } from "../describe-commands.ts";
import { takesValue } from "../describe-commands.ts";

/** A word that may stand where the cursor is. */
export interface Candidate {
  readonly word: string;
  readonly description?: string | undefined;
}

/** What only the hive, its secrets, its runs or the disk can say. */
export type NameKind = "selection" | "host" | "secret" | "run" | "file" | "folder";

/** What is wanted where the cursor is. */
export interface Wanted {
  /** What of the word stands before what is completed: `--on=`. */
  readonly prefix: string;
  /** The rest of the word, as far as it is typed. */
  readonly typed: string;
  /** What the commands' definitions offer. */
  readonly candidates: readonly Candidate[];
  /** What else is offered there. */
  readonly names?: NameKind | undefined;
  /** The files that the command line names, by option: `hive`, `secrets`. */
  readonly given: ReadonlyMap<string, string>;
}

/**
 * What kind of name an option or a positional argument is for, by what it is called: the same everywhere in skep. Numbers,
 * durations and other texts have nothing to offer.
 */
const KINDS: Readonly<Record<string, NameKind>> = {
  ...{ on: "selection", wave: "selection" },
  ...{ host: "host", name: "secret", run: "run" },
  ...{ hive: "file", secrets: "file", identity: "file", "ssh-config": "file", "known-hosts": "file" },
  ...{
    plan: "file",
    out: "file",
    html: "file",
    junit: "file",
    markdown: "file",
    sign: "file",
    "allowed-signers": "file",
    folder: "folder",
  },
};

/** Of positional arguments only: an option of that name is another thing. */
const POSITIONAL_KINDS: Readonly<Record<string, NameKind>> = { files: "secret", hosts: "host" };

/** Every command has these. */
const GLOBAL_OPTIONS = [
  { name: "help", aliases: ["h"], description: "Show help" },
  { name: "version", aliases: ["V"], description: "Show version number" },
].map((option) => ({ ...option, type: "boolean", default: undefined, isRequired: false, isList: false }));

/** What may follow these words of a command line, the last of which is not typed to its end. The first is no `skep`. */
export function wantedAt(words: readonly string[], commands: readonly CommandDescription[]): Wanted {
  const place = walk(words.slice(0, -1), commands);
  const word = words.at(-1) ?? "";
  const want = (typed: string, more: Partial<Wanted>): Wanted => {
    return { prefix: word.slice(0, word.length - typed.length), typed, candidates: [], given: place.given, ...more };
  };
  if (place.isLiteral) return want(word, { names: "file" });
  if (place.pending !== undefined) return want(word, valuesOf(place.pending));
  const equals = word.indexOf("=");
  if (word.startsWith("--") && equals !== -1) {
    const option = findOption(word.slice(0, equals), place.options);
    return want(word.slice(equals + 1), option === undefined ? {} : valuesOf(option));
  }
  if (word.startsWith("-")) return want(word, { candidates: optionsOf(place) });
  const position = place.positionals[place.position] ?? place.positionals.findLast(({ isList }) => isList);
  const { candidates: values = [], names } = position === undefined ? {} : valuesOf(position, POSITIONAL_KINDS);
  const below = place.commands.map(({ path, description }) => ({ word: path.at(-1) ?? "", description }));
  const candidates = [...below, ...values];
  return want(
    word,
    candidates.length + (names?.length ?? 0) === 0 ? { candidates: optionsOf(place) } : { candidates, names },
  );
}

interface Place {
  readonly commands: readonly CommandDescription[];
  readonly options: readonly OptionDescription[];
  readonly positionals: readonly OptionDescription[];
  /** How many positional arguments there are already. */
  readonly position: number;
  readonly seen: ReadonlySet<string>;
  /** The option whose value comes next. */
  readonly pending?: OptionDescription | undefined;
  /** Whether `--` was there. */
  readonly isLiteral: boolean;
  readonly given: ReadonlyMap<string, string>;
}

function walk(words: readonly string[], commands: readonly CommandDescription[]): Place {
  const seen = new Set<string>();
  const given = new Map<string, string>();
  let level: Pick<CommandDescription, "commands" | "options" | "positionals"> = {
    commands,
    options: [],
    positionals: [],
  };
  let position = 0;
  let pending: OptionDescription | undefined;
  let isLiteral = false;
  for (const word of words) {
    const options = [...level.options, ...GLOBAL_OPTIONS];
    if (isLiteral) continue;
    if (pending !== undefined) {
      given.set(pending.name, word);
      pending = undefined;
    } else if (word === "--") isLiteral = true;
    else if (word.startsWith("-") && word !== "-") {
      const [spelled = "", ...values] = word.split("=");
      const option = findOption(spelled, options);
      if (option === undefined) continue;
      seen.add(option.name);
      if (values.length > 0) given.set(option.name, values.join("="));
      else if (takesValue(option)) pending = option;
    } else {
      const next = position === 0 ? level.commands.find(({ path }) => path.at(-1) === word) : undefined;
      if (next === undefined) position++;
      else level = next;
    }
  }
  return { ...level, options: [...level.options, ...GLOBAL_OPTIONS], position, seen, pending, isLiteral, given };
}

/** The option that is spelled so: `--hive`, `--no-new`, `-f`, or the last of `-qf`. */
function findOption(spelled: string, options: readonly OptionDescription[]): OptionDescription | undefined {
  const name = spelled.startsWith("--") ? spelled.slice(2) : spelled.slice(-1);
  const find = (one: string): OptionDescription | undefined =>
    options.find((option) => option.name === one || option.aliases.includes(one));
  return find(name) ?? find(name.replace(/^no-/, ""));
}

function optionsOf({ options, seen }: Place): readonly Candidate[] {
  return options
    .filter(({ name, isList }) => isList || !seen.has(name))
    .map(({ name, description, default: otherwise }) => ({
      word: otherwise === true ? `--no-${name}` : `--${name}`,
      description,
    }));
}

function valuesOf(
  { name, type, choices }: OptionDescription,
  kinds: Readonly<Record<string, NameKind>> = {},
): Pick<Wanted, "candidates" | "names"> {
  if (choices !== undefined) return { candidates: choices.map((word) => ({ word })) };
  return { candidates: [], names: type === "string" ? (kinds[name] ?? KINDS[name]) : undefined };
}
