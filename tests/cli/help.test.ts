import { describe, expect, it } from "vitest";
import { splitLine } from "../../src/cli/completion/split-line.ts";
import type { CommandDescription } from "../../src/cli/describe-commands.ts";
import { allCommands, describeCommands } from "../../src/cli/describe-commands.ts";
import { skepCommands } from "../commands-page.ts";
import { runSkep } from "./run-skep.ts";

const COMMANDS = allCommands(skepCommands()).map((command) => ({ ...command, name: command.path.join(" ") }));

async function helpOf({ path }: CommandDescription): Promise<string> {
  const { exitCode, stdout } = await runSkep([...path, "--help"]);
  expect(exitCode).toBe(0);
  return stdout;
}

describe.each(COMMANDS)("skep $name", (command) => {
  it("says what it does, and what each of its options and arguments is", () => {
    const undocumented = [...command.options, ...command.positionals].filter(({ description }) => description === "");
    expect(undocumented).toEqual([]);
    expect(command.description).not.toBe("");
  });

  it("has examples, and each of them is of this command and has only options that there are", () => {
    expect(command.examples.length).toBeGreaterThan(0);
    const below = allCommands([command]);
    for (const { command: line } of command.examples) {
      // Also within eval "$(…)".
      const { words } = splitLine(/^eval "\$\((.+)\)"$/.exec(line)?.[1] ?? line.replace(/ (?:[|<>]|--) .*/, ""));
      const called = below.findLast(({ path }) => path.every((word, at) => words[at + 1] === word));
      expect(called, `${line} calls ${command.name}`).toBeDefined();
      const names = called?.options.flatMap(({ name, aliases }) => [name, `no-${name}`, ...aliases]);
      const given = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/^--?|=.*/g, ""));
      expect(names).toEqual(expect.arrayContaining(given));
    }
  });

  it("--help shows the same options and examples as the documentation", async () => {
    const help = await helpOf(command);
    const shown = [...help.matchAll(/^ +(?:-\w, +)?--([a-z-]+) /gm)].map(([, name]) => name);
    expect(new Set(shown)).toEqual(new Set([...command.options.map(({ name }) => name), "help", "version"]));
    const flat = help.replaceAll(/\s+/g, " ");
    for (const { description } of command.examples) expect(flat).toContain(description.split(" ", 1)[0]);
  });
});

describe("describeCommands()", () => {
  it("leaves out what is hidden, and keeps groups, lists and what is below", () => {
    const [command, ...others] = describeCommands((parser) => {
      parser.command("lease", "Look after leases", (lease) =>
        lease.command("break <host>", "End one", (end) =>
          end
            .positional("host", { type: "string", demandOption: true, description: "Whose" })
            .option("force", { type: "boolean", description: "Even so", group: "Dangerous:" })
            .option("secretly", { type: "boolean", hidden: true })
            .strict()
            .option("why", { alias: "w", type: "string", array: true, description: "For the record" }),
        ),
      );
      parser.command("internal", false, (internal) => internal);
    });
    expect(others).toEqual([]);
    expect(command?.commands).toMatchObject([
      {
        path: ["lease", "break"],
        takes: "<host>",
        positionals: [{ name: "host", isRequired: true }],
        options: [
          { name: "force", group: "Dangerous:", type: "boolean" },
          { name: "why", aliases: ["w"], isList: true },
        ],
      },
    ]);
  });
});
