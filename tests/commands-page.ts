import type { CommandDescription, OptionDescription } from "../src/cli/describe-commands.ts";
import { allCommands, describeCommands, takesValue } from "../src/cli/describe-commands.ts";
import { addCommands } from "../src/cli/run-cli.ts";
import { PassThrough } from "node:stream";

/** The commands of skep, as they are defined. */
export function skepCommands(): readonly CommandDescription[] {
  const terminal = { stdout: new PassThrough(), stderr: new PassThrough(), env: {}, cwd: "/" };
  return describeCommands((parser) => {
    addCommands(parser, terminal, () => undefined);
  });
}

/** `docs/commands.md`. */
export function commandsPage(): string {
  const commands = allCommands(skepCommands());
  const contents = commands.map(
    (command) => `| [\`${nameOf(command)}\`](#${anchorOf(command)}) | ${cell(command.description)} |`,
  );
  return `# Commands

This page is made from the code; a test keeps it so. \`skep COMMAND --help\` says the same at the terminal, and
\`skep completion\` has your shell complete all of it. Every command also takes \`--help\` (\`-h\`) and \`--version\` (\`-V\`).
Results go to standard output and everything else to standard error. What the exit codes mean is in
[errors.md](errors.md). An option with … may be given more than once.

| Command | |
| --- | --- |
${contents.join("\n")}

${commands.map(section).join("\n\n")}
`;
}

function section(command: CommandDescription): string {
  const { description, takes, positionals, options, examples, epilogues, commands } = command;
  const usage = [nameOf(command), takes, commands.length > 0 ? "<command>" : "", options.length > 0 ? "[options]" : ""];
  return [
    `## ${nameOf(command)}`,
    `${description}.`,
    `\`\`\`text\n${usage.filter((word) => word !== "").join(" ")}\n\`\`\``,
    ...(positionals.length > 0
      ? [
          table(
            "Argument",
            positionals.map((option) => row(`\`${option.name}\``, option)),
          ),
        ]
      : []),
    ...groupsOf(options).map(([title, members]) =>
      table(
        title,
        members.map((option) => row(spelling(option), option)),
      ),
    ),
    ...epilogues.map((text) => (text.includes("\n  ") ? `\`\`\`text\n${text}\n\`\`\`` : text)),
    ...(examples.length > 0 ? [`\`\`\`sh\n${examplesOf(examples)}\n\`\`\``] : []),
  ].join("\n\n");
}

function examplesOf(examples: CommandDescription["examples"]): string {
  const width = Math.max(...examples.map(({ command }) => command.length));
  return examples.map(({ command, description }) => `${command.padEnd(width)}  # ${description}`).join("\n");
}

/** As the help has them: those of a heading together, the others at the end. */
function groupsOf(options: readonly OptionDescription[]): readonly (readonly [string, readonly OptionDescription[]])[] {
  const titles = new Set(options.flatMap(({ group }) => group ?? []));
  const groups = [...titles].map((title) => [title, options.filter(({ group }) => group === title)] as const);
  const others = options.filter(({ group }) => group === undefined);
  const named = groups.map(([title, members]) => [title.replace(/:$/, ""), members] as const);
  return others.length === 0 ? named : [...named, ["Option", others]];
}

function spelling(option: OptionDescription): string {
  const words = [
    `--${option.default === true ? "no-" : ""}${option.name}`,
    ...option.aliases.map((alias) => `-${alias}`),
  ];
  return words.map((word) => `\`${word}\``).join(", ") + (takesValue(option) ? ` ${valueOf(option)}` : "");
}

function valueOf({ type, choices, isList }: OptionDescription): string {
  const kind = choices !== undefined ? "*word*" : type === "number" ? "*number*" : "*text*";
  return isList ? `${kind} …` : kind;
}

function row(name: string, { description, choices, default: otherwise, isRequired }: OptionDescription): string {
  const more = [
    ...(choices === undefined ? [] : [`One of ${choices.map((choice) => `\`${choice}\``).join(", ")}`]),
    ...(otherwise === undefined || typeof otherwise === "boolean" ? [] : [`Default: \`${String(otherwise)}\``]),
    ...(isRequired ? ["Needed"] : []),
  ];
  return `| ${name} | ${[description, ...more].map(cell).join(". ")} |`;
}

function table(title: string, rows: readonly string[]): string {
  return `| ${title} | |\n| --- | --- |\n${rows.join("\n")}`;
}

function nameOf({ path }: CommandDescription): string {
  return ["skep", ...path].join(" ");
}

function anchorOf(command: CommandDescription): string {
  return nameOf(command).replaceAll(" ", "-");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("*", "\\*");
}
