import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT_CODES } from "#cli";
import { runSkep } from "./run-skep.ts";

let cwd = "";
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "skep-cli-"));
  await writeFile(
    join(cwd, "hive.ts"),
    `import { defineHive, nixos } from "skep";
     const system = nixos({ flake: "github:example/fleet" });
     export default defineHive({
       hosts: {
         "web-1": { target: "deploy@10.0.0.1:2222", tags: ["web", "canary"], system },
         "web-2": { target: "10.0.0.2", tags: ["web"], system },
         "db-1": { system },
       },
     });`,
  );
});
afterAll(() => rm(cwd, { recursive: true }));

const run = (...argv: string[]) => runSkep(argv, { cwd });

describe("skep hosts", () => {
  it("lists the hosts a selection means", async () => {
    expect(await run("hosts", "--on", "@web & !web-2, db-*")).toEqual({
      exitCode: 0,
      stdout: "web-1  deploy@10.0.0.1:2222  @web @canary\ndb-1   db-1\n",
      stderr: "",
    });
  });

  it("takes several selections for any of them", async () => {
    expect((await run("hosts", "--on", "web-1", "--on", "db-*")).stdout).toMatch(/^web-1 .*\ndb-1 .*\n$/);
  });

  it("lists them as JSON", async () => {
    const { stdout } = await run("hosts", "--json", "--on", "web-1");
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "web-1", target: { user: "deploy", port: 2222 }, tags: ["web", "canary"] },
    ]);
  });
});

describe("an error", () => {
  it("is text, whatever it was made from", async () => {
    await writeFile(
      join(cwd, "loud.ts"),
      'throw new Error("\\u001b[31mred\\u001b[0m, a \\u0007bell\\nand \\u202emore");\n',
    );
    expect(await run("hosts", "--hive", "loud.ts")).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: "skep: error: cannot load loud.ts: loud.ts:1:7: red, a bell\nand more [hive/load]\n",
    });
  });
});

describe("a command line that is wrong", () => {
  it.each([
    { argv: [], stderr: "skep: error: no command was given [cli/usage]\nskep: hint: see skep --help\n" },
    {
      argv: ["deplyo"],
      stderr: 'skep: error: unknown argument: deplyo [cli/usage]\nskep: hint: did you mean "deploy"? see skep --help\n',
    },
    {
      argv: ["deploy", "--paralel", "3"],
      stderr:
        'skep: error: unknown argument: --paralel [cli/usage]\nskep: hint: did you mean "--parallel"? see skep deploy --help\n',
    },
    {
      argv: ["deploy", "swich"],
      stderr:
        'skep: error: goal cannot be "swich": it is one of build, push, dry-activate, secrets, test, boot, switch [cli/usage]\n' +
        'skep: hint: did you mean "switch"? see skep deploy --help\n',
    },
    {
      argv: ["deploy", "--parallel", "0"],
      stderr:
        "skep: error: --parallel takes a whole number from 1 up [cli/usage]\nskep: hint: see skep deploy --help\n",
    },
    {
      argv: ["deploy", "--on"],
      stderr: "skep: error: --on needs a value [cli/usage]\nskep: hint: see skep deploy --help\n",
    },
    {
      argv: ["hosts", "--on", "wbe-1"],
      stderr: expect.stringMatching(
        /^skep: error: .*\[hive\/no-such-host\]\nskep: hint: .*did you mean "web-1"\?/s,
      ) as string,
    },
    {
      argv: ["hosts", "--on", "web-1 & db-1"],
      stderr: expect.stringContaining("[hive/nothing-selected]") as string,
    },
    {
      argv: ["hosts", "--hive", "a", "--hive", "b"],
      stderr: "skep: error: --hive was given 2 times [cli/usage]\nskep: hint: give it once\n",
    },
    {
      argv: ["deploy", "--steal-leese"],
      stderr:
        'skep: error: unknown argument: --steal-leese [cli/usage]\nskep: hint: did you mean "--steal-lease"? see skep deploy --help\n',
    },
    {
      argv: ["secrets", "rekey", "--yse=now", "-zq"],
      stderr: expect.stringMatching(/^skep: error: unknown argument: --yse, -z(, -q)? \[cli\/usage\]\n/) as string,
    },
    {
      argv: ["hosts", "jsno"],
      stderr: expect.stringContaining(
        'unknown argument: jsno [cli/usage]\nskep: hint: did you mean "--json"?',
      ) as string,
    },
    { argv: ["hosts", "--hive", "nowhere.ts"], stderr: expect.stringContaining("[hive/not-found]") as string },
  ])("skep $argv", async ({ argv, stderr }) => {
    expect(await run(...argv)).toEqual({ exitCode: 2, stdout: "", stderr });
  });

  it.each(["plan", "deploy", "ci", "rollback", "secrets status", "lease ls"])(
    "is told where to read of skep %s, and not of another command",
    async (command) => {
      const { stderr } = await run(...command.split(" "), "--on", "web-1", "--parallel", "x");
      expect(stderr).toMatch(
        new RegExp(
          `--parallel takes a whole number from 1 up \\[cli/usage\\]\nskep: hint: see skep ${command.split(" ")[0] ?? ""}( \\w+)? --help\n`,
        ),
      );
    },
  );

  it.each(["plan", "deploy", "ci", "simulate"])("has the hint of skep %s where options are shared", async (command) => {
    const { stderr } = await run(command, "--soak", "5");
    expect(stderr).toContain(`[cli/usage]\nskep: hint: see skep ${command} --help\n`);
  });
});

describe("help", () => {
  it.each([[], ["deploy"], ["build"], ["hosts"]])("skep %s --help goes to standard output", async (...command) => {
    const { exitCode, stdout, stderr } = await run(...command, "--help");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(command.length === 0 ? "skep <command>" : `skep ${command.join(" ")}`);
  });
});

describe("EXIT_CODES", () => {
  it("are those of the design", () => {
    expect(Object.keys(EXIT_CODES).map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 10, 130]);
  });
});
