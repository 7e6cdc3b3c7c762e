import type { Argv as Yargs, Options, PositionalOptions } from "yargs";

/** An option or a positional argument, as its command defines it. */
export interface OptionDescription {
  /** Without dashes. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly type?: string | undefined;
  readonly choices?: readonly string[] | undefined;
  readonly default?: string | number | boolean | undefined;
  readonly isRequired: boolean;
  readonly isList: boolean;
  /** The heading that it stands below. */
  readonly group?: string | undefined;
}

/** A command, as its definition in the parser describes it. */
export interface CommandDescription {
  /** The words that call it: `["secrets", "rekey"]`. */
  readonly path: readonly string[];
  /** What its positional arguments look like: `[goal]`. */
  readonly takes: string;
  readonly description: string;
  readonly positionals: readonly OptionDescription[];
  readonly options: readonly OptionDescription[];
  readonly examples: readonly Example[];
  /** What there is to say at the end, paragraph by paragraph. */
  readonly epilogues: readonly string[];
  readonly commands: readonly CommandDescription[];
}

export interface Example {
  readonly command: string;
  readonly description: string;
}

type Defined = Options | PositionalOptions;

/**
 * What the commands say of themselves: `add` gets a parser that parses nothing and writes down what is defined on it, so
 * that help, documentation and completion are made from one definition. No command is run.
 */
export function describeCommands(add: (parser: Yargs) => void): readonly CommandDescription[] {
  const root = new Recording([]);
  add(root.parser);
  return root.commands;
}

/** All of these commands and those below them, the parents first. */
export function allCommands(commands: readonly CommandDescription[]): readonly CommandDescription[] {
  return commands.flatMap((command) => [command, ...allCommands(command.commands)]);
}

/** Whether a value follows it. */
export function takesValue({ type }: Pick<OptionDescription, "type">): boolean {
  return type !== "boolean" && type !== "count";
}

class Recording {
  readonly commands: CommandDescription[] = [];
  readonly parser: Yargs;
  readonly #path: readonly string[];
  readonly #options = new Map<string, Defined>();
  readonly #positionals = new Map<string, Defined>();
  readonly #groups = new Map<string, string>();
  readonly #examples: Example[] = [];
  readonly #epilogues: string[] = [];

  constructor(path: readonly string[]) {
    this.#path = path;
    const methods: Readonly<Record<string, (...words: never[]) => void>> = {
      command: this.#command.bind(this),
      option: this.#option.bind(this),
      options: this.#option.bind(this),
      positional: (name: string, option: PositionalOptions) => this.#positionals.set(name, option),
      example: (command: string, description: string) => this.#examples.push({ command, description }),
      epilogue: (text: string) => this.#epilogues.push(text),
      epilog: (text: string) => this.#epilogues.push(text),
      group: (names: string | readonly string[], title: string) => {
        for (const name of [names].flat()) this.#groups.set(name, title);
      },
    };
    // Whatever else is said to it is about parsing.
    this.parser = new Proxy({} as Yargs, {
      get: (_target, name, parser: Yargs) => {
        return (...words: never[]): Yargs => {
          methods[String(name)]?.(...words);
          return parser;
        };
      },
    });
  }

  #command(usage: string, description: string | false, builder?: (parser: Yargs) => unknown): void {
    const [name = "", ...takes] = usage.split(" ");
    const path = [...this.#path, name];
    const recording = new Recording(path);
    builder?.(recording.parser);
    if (description === false) return;
    this.commands.push({ path, takes: takes.join(" "), description, ...recording.#description() });
  }

  #option(name: string | Readonly<Record<string, Options>>, option: Options = {}): void {
    for (const [key, value] of typeof name === "string" ? [[name, option] as const] : Object.entries(name)) {
      this.#options.set(key, value);
    }
  }

  #description(): Omit<CommandDescription, "path" | "takes" | "description"> {
    const describe = ([name, option]: [string, Defined]): OptionDescription =>
      describeOption(name, option, this.#groups.get(name));
    return {
      positionals: [...this.#positionals].map(describe),
      options: [...this.#options].filter(([, option]) => !("hidden" in option && option.hidden === true)).map(describe),
      examples: this.#examples,
      epilogues: this.#epilogues,
      commands: this.commands,
    };
  }
}

function describeOption(name: string, option: Defined, group: string | undefined): OptionDescription {
  const { type, array } = option;
  const otherwise: unknown = option.default;
  return {
    name,
    aliases: [option.alias ?? []].flat(),
    description: option.description ?? option.describe ?? option.desc ?? "",
    type: type ?? (option.choices === undefined ? undefined : "string"),
    choices: option.choices?.map(String),
    default: isPlain(otherwise) ? otherwise : undefined,
    isRequired: option.demandOption !== undefined && option.demandOption !== false,
    isList: array === true || type === "array",
    group: group ?? ("group" in option ? option.group : undefined),
  };
}

function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
