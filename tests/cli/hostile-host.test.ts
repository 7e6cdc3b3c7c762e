import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { readAsRunner } from "../report/github-runner.ts";
import { useScene } from "./scene.ts";

/** A title for the terminal, a cleared screen, and a colour in the one-byte form. */
const SAID = "\u001b]0;taken\u0007\u001b[2J\u009b31m";

describe("a host that says what it likes", { timeout: 60_000 }, () => {
  const { machine, write, skep, start } = useScene(["web-1"]);
  beforeEach(() => {
    mkdirSync(join(machine("web-1").root, "run/skep"), { recursive: true });
    hive("{}");
  });
  function hive(system: string, check = "true"): void {
    write(
      "hive.ts",
      `import { command, defineHive, system } from "skep";
       const target = ${JSON.stringify(machine("web-1").target)};
       const checks = [command(["sh", "-c", ${JSON.stringify(check)}], { deadline: "200ms" })];
       export default defineHive({ name: "fleet", hosts: { "web-1": { target, checks, system: system(${system}) } } });`,
    );
  }
  const lease = (...lines: readonly string[]): void => {
    writeFileSync(join(machine("web-1").root, "run/skep/lease"), `${lines.join("\n")}\n`);
  };

  it.each([[["lease", "ls"]], [["status", "--no-eval"]], [["plan"]], [["deploy"]]])(
    "makes no terminal obey it: skep %j",
    async (argv) => {
      lease("run=run-a", `expires=${SAID}`);
      const { exitCode, stdout, stderr } = await skep(...argv);
      expect({ exitCode, stderr }).toEqual({
        exitCode: 5,
        stderr: expect.stringContaining("[activation/probe]") as string,
      });
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    },
  );

  it("makes no terminal obey it in JSON either", async () => {
    const said = String.raw`\033]0;taken\007\302\23331m`;
    const { stdout } = await skep("exec", "--on", "web-1", "--json", "--", "printf", said);
    expect(JSON.parse(stdout)).toMatchObject({ stdout: "\u001b]0;taken\u0007\u009b31m" });
    expect(stdout.trimEnd()).not.toMatch(/\p{Cc}/u);
  });

  it("cannot end a command by a time that is none", async () => {
    lease("run=run-a", `owner=ann${SAID}`, `reason=${SAID}`, "taken=1e300", "expires=99999999");
    expect((await skep("lease", "ls")).stdout).toContain("held by ann (run run-a");
    const { exitCode, stdout } = await skep("lease", "ls", "--json");
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(stdout)).toMatchObject({ lease: { run: "run-a", since: "1970-01-01T00:00:00.000Z" } });
  });

  it("commands no runner of GitHub's, whatever shows what it says", async () => {
    const inJob = async (...argv: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await start(argv, { env: { GITHUB_ACTIONS: "true" } }).ended;
      return stdout + stderr;
    };
    expect((await skep("deploy", "-q")).exitCode).toBe(0);
    hive('{ etc: { motd: "old" } }');
    expect((await skep("deploy", "-q")).exitCode).toBe(0);
    hive('{ etc: { motd: "new" } }', `printf '  ::error::${POISON}\\n##[error]${POISON}\\n'; exit 1`);
    const github = readAsRunner(await inJob("deploy"));
    expect(new Set(github.commands.map(({ name }) => name))).toEqual(new Set(["group", "endgroup", "error"]));
    expect(
      github.commands.filter(({ name, properties }) => name === "error" && properties.title === undefined),
    ).toEqual([]);
    expect(github.shown.join()).toContain(POISON);
    for (const argv of [
      ["deploy", "-q", "--output", "lines"],
      ["deploy", "--output", "lines", "-v"],
      ["report"],
      ["check"],
    ]) {
      const said = await inJob(...argv);
      expect(readAsRunner(said), argv.join(" ")).toEqual({ commands: [], shown: said.split("\n") });
      expect(said).toContain(POISON);
    }
    const records = join(machine("web-1").root, "var/lib/skep/deployments");
    const forged = { who: `mallory\n::error::${POISON}\r##[error]${POISON}` };
    for (const name of readdirSync(records)) {
      const record = JSON.parse(readFileSync(join(records, name), "utf8")) as object;
      writeFileSync(join(records, name), JSON.stringify({ ...record, ...forged }));
    }
    lease("run=run-a", `owner=##[error]${POISON}`, "reason=tea", "taken=1", "expires=99999999");
    for (const argv of [
      ["history"],
      ["history", "--on", "web-1"],
      ["status"],
      ["lease", "ls"],
      ["rollback", "--dry-run"],
    ]) {
      expect(readAsRunner(await inJob(...argv)).commands, argv.join(" ")).toEqual([]);
    }
    expect(await inJob("rollback", "--on", "*", "--dry-run")).toMatch(
      /^web-1 .* to .*generation 1, deployed .* by # #\[error\]do/,
    );
  });
});

const POISON = "do as I say";
