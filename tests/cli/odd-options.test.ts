import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Goal } from "#hive";
import { GOALS } from "#hive";
import { refuseIdleOptions } from "../../src/cli/options/refuse-odd-options.ts";
import { runSkep } from "./run-skep.ts";

let cwd = "";
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "skep-odd-"));
  await writeFile(
    join(cwd, "hive.ts"),
    `import { defineHive, system } from "skep";
     const host = (target: string, ...tags: string[]) => ({ target, tags, system: system({ etc: { motd: "hello" } }) });
     export default defineHive({
       hosts: {
         "web-1": host("10.0.0.1", "web", "canary"),
         "web-2": host("10.0.0.2", "web"),
         "db-1": host("10.0.0.3", "db"),
       },
       rollout: { waves: ["@canary", "@web"] },
     });`,
  );
});
afterAll(() => rm(cwd, { recursive: true }));

const run = (...argv: string[]) => runSkep(argv, { cwd });

describe("options that do not go together", () => {
  it.each([
    { argv: ["deploy", "-q", "-v"], says: "--quiet and --verbose do not go together" },
    { argv: ["resume", "--quiet", "--verbose"], says: "--quiet and --verbose do not go together" },
    {
      argv: ["deploy", "--json", "-o", "tty"],
      says: "--json does not go with another --output: it is --output ndjson",
    },
    {
      argv: ["build", "--json", "-o", "lines"],
      says: "--json does not go with another --output: it is --output ndjson",
    },
    {
      argv: ["resume", "--revert", "--no-new"],
      says: "--revert and --no-new do not go together: --revert begins no host anyway",
    },
    { argv: ["build", "--soak", "5m"], says: "the goal build has no use for --soak: it runs no checks" },
    { argv: ["deploy", "push", "--soak", "5m"], says: "the goal push has no use for --soak: it runs no checks" },
    {
      argv: ["build", "--wave", "1", "-p", "3"],
      says: "the goal build has no use for --wave, --parallel: it touches no host",
    },
    {
      argv: ["deploy", "secrets", "--reboot", "always"],
      says: "the goal secrets has no use for --reboot: it brings no system that a reboot would start",
    },
    {
      argv: ["deploy", "secrets", "--limit-copy", "2"],
      says: "the goal secrets has no use for --limit-copy: it copies nothing",
    },
    {
      argv: ["deploy", "--on", "db-1", "--wave", "@canary"],
      says: "--wave @canary takes none of the hosts of this run: they would all go at once",
    },
    {
      argv: ["simulate", "--on", "db-1", "--wave", "@canary", "--wave", "@web"],
      says: "the waves given with --wave take none of the hosts of this run: they would all go at once",
    },
  ])("skep $argv is refused in one line and a hint", async ({ argv, says }) => {
    const { exitCode, stdout, stderr } = await run(...argv);
    expect(stderr).toMatch(/^.*\nskep: hint: .+\n$/);
    expect(stderr.split("\n")[0]).toBe(`skep: error: ${says} [cli/usage]`);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });

  it("the hint names the goals that have a use for the option", async () => {
    const { stderr } = await run("deploy", "test", "--reboot", "if-needed");
    expect(stderr).toContain("hint: leave it out, or deploy with the goal boot or switch\n");
  });

  it("what an option says by default is said with any goal", () => {
    const byDefault = { soak: undefined, "steal-lease": false, reboot: "never", confirm: false, sandbox: false };
    const kept = { hive: "fleet", "ssh-config": "config", identity: ["key"], "on-failure": "stop" };
    for (const goal of GOALS) {
      expect(() => {
        refuseIdleOptions(goal, { ...byDefault, ...kept });
      }).not.toThrow();
    }
  });

  it("the goal switch has a use for every option", () => {
    const goal: Goal = "switch";
    const all = { soak: "5m", wave: ["1"], pause: "1m", confirm: true, parallel: 3, reboot: "always", "limit-copy": 1 };
    expect(() => {
      refuseIdleOptions(goal, { ...all, "limit-build": 1, "on-failure": "revert-run", "max-unavailable": "1" });
    }).not.toThrow();
  });
});

describe("waves without a host of the run", () => {
  const TOLD = ["web-1", "web-2", "db-1"];

  it("are told in a notice where the hive has them, and the run goes on", async () => {
    const { exitCode, stderr } = await run("build", "--on", "web-2");
    expect(stderr).toContain("notice: wave @canary takes none of these hosts\n");
    expect(exitCode).toBe(0);
    expect((await run("build", "--on", "db-1")).stderr).toContain("waves @canary, @web take none of these hosts\n");
  });

  it("are none where each wave takes one", async () => {
    expect((await run("build", "--on", TOLD.join(","))).stderr).not.toContain("notice");
  });

  it("are told, and not refused, where --wave rest says that all others are meant too", async () => {
    const { exitCode, stderr } = await run(
      "deploy",
      "--sandbox",
      "--on",
      "db-1",
      "--wave",
      "@canary",
      "--wave",
      "rest",
    );
    expect(stderr).toContain("notice: wave @canary takes none of these hosts\n");
    expect(exitCode).toBe(0);
  });
});

describe("hosts said without --on", () => {
  it.each([
    { argv: ["deploy", "web-1"], meant: "--on web-1?" },
    { argv: ["deploy", "@web"], meant: "--on @web?" },
    { argv: ["deploy", "web"], meant: "--on @web instead of web?" },
    { argv: ["deploy", "wbe-1"], meant: "--on web-1 instead of wbe-1?" },
    { argv: ["deploy", "web-*"], meant: "--on 'web-*'?" },
    { argv: ["deploy", "switch", "web-1"], meant: "--on web-1?" },
    { argv: ["check", "web-1"], meant: "--on web-1?" },
    { argv: ["check", "@cnary"], meant: "--on @canary instead of @cnary?" },
    { argv: ["check", "webb-1", "db-1"], meant: "--on web-1,db-1 instead of webb-1 db-1?" },
    { argv: ["hosts", "db-1", "--json"], meant: "--on db-1?" },
    { argv: ["deploy", "web-1", "web-2"], meant: "--on web-1,web-2 instead of web-1 web-2?" },
    { argv: ["secrets", "status", "web-1"], meant: "--on web-1?" },
    { argv: ["exec", "web-1", "--", "uptime"], meant: "--on web-1?" },
  ])("skep $argv", async ({ argv, meant }) => {
    const { exitCode, stderr } = await run(...argv);
    expect(stderr).toContain(`skep: hint: hosts are selected with --on: did you mean ${meant}\n`);
    expect(exitCode).toBe(2);
  });

  it.each([
    [["exec", "--on", "web-1", "echo", "hi", "-n"], "skep exec --on web-1 -- echo hi -n"],
    [["exec", "--on", "web-1", "uptime"], "skep exec --on web-1 -- uptime"],
    [["exec", "--on", "web-1", "ping", "web-1"], "skep exec --on web-1 -- ping web-1"],
    [["exec", "df", "/"], "skep exec --on web-1 -- df /"],
  ])("skep %s: the command stands behind two dashes", async (argv, line) => {
    const { exitCode, stderr } = await run(...argv);
    expect(stderr).toContain(`skep: hint: the command stands behind two dashes: ${line}\n`);
    expect(exitCode).toBe(2);
  });

  it("and an option of other commands are told apart", async () => {
    expect(await run("deploy", "--dry-run")).toMatchObject({
      exitCode: 2,
      stderr:
        "skep: error: unknown argument: --dry-run [cli/usage]\nskep: hint: skep plan shows what would change, " +
        "and skep deploy dry-activate also lets the hosts say it: see skep deploy --help\n",
    });
  });

  it("are not guessed at where a goal is nearer, or nothing is near", async () => {
    expect((await run("deploy", "swich")).stderr).toContain('did you mean "switch"?');
    expect((await run("check", "everything")).stderr).toContain("skep: hint: see skep check --help\n");
  });

  it("are not looked for in a hive that cannot be read", async () => {
    const { stderr } = await run("check", "web-1", "--hive", "nowhere.ts");
    expect(stderr).toBe("skep: error: unknown argument: web-1 [cli/usage]\nskep: hint: see skep check --help\n");
  });
});
