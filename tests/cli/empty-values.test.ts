import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allCommands, takesValue } from "../../src/cli/describe-commands.ts";
import { skepCommands } from "../commands-page.ts";
import { runSkep } from "./run-skep.ts";

/** As a variable that is not set leaves it: `skep plan --out "$FILE"`. */
describe("an option with an empty value", () => {
  let cwd = "";
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "skep-empty-"));
  });
  afterEach(() => {
    rmSync(cwd, { recursive: true });
  });

  const commands = allCommands(skepCommands()).filter((command) => command.commands.length === 0);
  it.each(
    commands.map(({ path, takes, options }) => {
      return { command: path.join(" "), path, options, needed: takes.match(/<.*?>/g) ?? [] };
    }),
  )("is refused by skep $command, whichever it is", async ({ path, options, needed }) => {
    for (const { name, aliases } of options.filter((option) => takesValue(option) && option.type === "string")) {
      const given = [[`--${name}`, ""], [`--${name}=`], ...aliases.map((alias) => [`-${alias}`, ""])];
      for (const words of given) {
        const { exitCode, stderr } = await runSkep([...path, ...needed, ...words], { cwd });
        const option = (words[0] ?? "").replace("=", "");
        expect(stderr).toContain(`skep: error: ${option} needs a value`);
        expect(exitCode).toBe(2);
      }
    }
    // A pipeline's step that ends leaves JUnit XML, where it always does.
    expect(readdirSync(cwd)).toEqual(path[0] === "ci" ? ["skep-ci"] : []);
  });

  it("is told with what may have been meant", async () => {
    expect(await runSkep(["plan", "--out", ""], { cwd })).toMatchObject({
      stderr:
        "skep: error: --out needs a value, and was given an empty one [cli/usage]\n" +
        "skep: hint: is a variable not set that was to be it?\n",
    });
  });

  it("is told from one without, and from a word of a command for hosts", async () => {
    const without = await runSkep(["report", "--html"], { cwd });
    expect(without.stderr).toContain("hive/not-found");
    const command = await runSkep(["exec", "--on", "web-1", "--", "test", "-n", "", "--on="], { cwd });
    expect(command.stderr).toContain("hive/not-found");
  });
});
