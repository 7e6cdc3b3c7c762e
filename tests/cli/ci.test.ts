import { execFileSync } from "node:child_process";
import { existsSync, rmSync, symlinkSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { beforeEach, describe, expect, it } from "vitest";
import { readAsRunner } from "../report/github-runner.ts";
import { junitProblems, readJunit } from "../report/junit-reader.ts";
import { HOSTS, useCiScene } from "./ci-scene.ts";

/** As GitHub's runner reads them: `NAME=VALUE`, or `NAME<<END`, lines, and `END`. */
function readOutputs(text: string): Readonly<Record<string, string>> {
  const lines = text.split("\n");
  const outputs: Record<string, string> = {};
  for (let line = lines.shift(); line !== undefined && line !== ""; line = lines.shift()) {
    const [, name = "", sign, rest = ""] = /^(.*?)(=|<<)(.*)$/.exec(line) ?? [];
    outputs[name] =
      sign === "="
        ? rest
        : lines
            .splice(0, lines.indexOf(rest) + 1)
            .slice(0, -1)
            .join("\n");
  }
  return outputs;
}

describe("skep ci", { timeout: 180_000 }, () => {
  const { at, read, write, writeRules, hive, runs, skep, github } = useCiScene();

  it("plans, keeps the plan for people and for a deployment, and changes nothing", async () => {
    const run = await skep(["ci"], github());
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("web-1, web-2") as string });
    expect(JSON.parse(read("skep-ci/plan.json"))).toMatchObject({ goal: "switch" });
    expect(read("skep-ci/plan.md")).toContain("web-1");
    expect(read("summary.md")).toContain(read("skep-ci/plan.md"));
    expect(read("outputs")).toBe(`changes=true\nplan=${at("skep-ci/plan.json")}\nexit-code=0\n`);
    expect(run.stderr).toMatch(/^\d\d:\d\d:\d\d planning switch of 2 hosts of fleet, plan \d{8}-\d{6}-\w+$/m);
    expect(HOSTS.map(runs)).toEqual([undefined, undefined]);
    expect(await skep(["ci", "--exit-code"])).toMatchObject({ exitCode: 10 });
  });

  it("gives later steps its outputs whole, whatever is in them", async () => {
    const folder = "odd\nEND\nexit-code=0\nEND_\nrun=r-7c1d";
    await skep(["ci", "--exit-code", "--artifacts", folder], github());
    expect(readOutputs(read("outputs"))).toEqual({
      changes: "true",
      plan: at(`${folder}/plan.json`),
      "exit-code": "10",
    });
  });

  it("deploys what it planned, leaves reports of it, and then has nothing to do", async () => {
    expect(await skep(["ci", "--deploy"], github())).toMatchObject({ exitCode: 0 });
    const { hosts } = JSON.parse(read("skep-ci/plan.json")) as { hosts: { host: string; to: { toplevel: string } }[] };
    expect(HOSTS.map(runs)).toEqual(HOSTS.map((name) => hosts.find(({ host }) => host === name)?.to.toplevel));
    expect(read("skep-ci/junit.xml")).toContain('name="web-1"');
    expect(read("skep-ci/report.html")).toMatch(/^<!doctype html>/i);
    expect(read("outputs")).toMatch(/^changes=true\nplan=.*\nrun=\d{8}-\d{6}-\w+\nexit-code=0\n$/);
    rmSync(at("skep-ci/junit.xml"));
    expect(await skep(["ci", "--deploy"])).toMatchObject({ exitCode: 0 });
    expect(existsSync(at("skep-ci/junit.xml"))).toBe(false);
  });

  it("deploys where its journal cannot be written, and leaves the same reports and outputs", async () => {
    symlinkSync("no/such/folder", at(".skep"));
    const run = await skep(["ci", "--deploy"], github());
    expect(run, run.stderr).toMatchObject({ exitCode: 0 });
    expect(run.stderr).toContain("cannot write the run's journal");
    expect(run.stderr).not.toContain("skep: error");
    expect(HOSTS.map(runs)).not.toContain(undefined);
    const page = read("skep-ci/report.html");
    expect(page).toContain(`<dd>${userInfo().username}@${hostname()}</dd>`);
    for (const name of HOSTS) expect(page).toContain(name);
    expect(read("outputs")).toMatch(/\nrun=.+\nexit-code=0\n$/);
  });

  it("has hosts write down the commit that the plan was made of, and its artifacts make no tree changed", async () => {
    const git = (...argv: readonly string[]): string =>
      execFileSync("git", ["-C", at("."), "-c", "user.name=ann", "-c", "user.email=ann@laptop", ...argv], {
        encoding: "utf8",
      }).trim();
    const recorded = async (): Promise<unknown> => {
      const { stdout } = await skep(["status", "--json"]);
      const [first = ""] = stdout.split("\n");
      return (JSON.parse(first) as { deployment: unknown }).deployment;
    };
    git("init", "--quiet");
    git("add", "hive.ts");
    git("commit", "--quiet", "--message", "first");
    const revision = git("rev-parse", "HEAD");
    // The second finds what the first left.
    for (const release of ["first", "second"]) {
      expect(await skep(["ci", "--deploy"]), release).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(read("skep-ci/plan.json")), release).toMatchObject({ revision: { revision, dirty: false } });
      expect(await recorded(), release).toMatchObject({ revision, dirty: false });
      expect((await skep(["history"])).stdout, release).not.toContain(", changed");
    }
    hive("2.0");
    git("commit", "--quiet", "--all", "--message", "second");
    const reviewed = git("rev-parse", "HEAD");
    await skep(["plan", "--out", "reviewed.json"]);
    git("commit", "--quiet", "--allow-empty", "--message", "third");
    expect(await skep(["deploy", "--plan", "reviewed.json", "--quiet"])).toMatchObject({ exitCode: 0 });
    expect(await recorded()).toMatchObject({ revision: reviewed, dirty: false });
  });

  it("says on the failing host what failed, ends as the deployment did, and the next job goes on", async () => {
    await skep(["ci", "--deploy"]);
    hive("2.0", { broken: "web-2" });
    const run = await skep(["ci", "--deploy"], github());
    expect(run.exitCode).toBe(6);
    expect(run.stdout + run.stderr).toMatch(/^::error title=.*web-2.*/m);
    expect(read("outputs")).toMatch(/\nexit-code=6\n$/);
    expect(read("skep-ci/junit.xml")).toContain("health/failed");
    hive("2.0");
    expect(await skep(["ci", "--deploy"])).toMatchObject({ exitCode: 0 });
  });

  describe("where a host is down while it plans", () => {
    beforeEach(() => {
      // Nobody listens there.
      hive("1.0", { down: "web-2" });
    });
    const annotations = (stderr: string) => readAsRunner(stderr).commands.filter(({ name }) => name === "error");

    it("says so on the host, and with --deploy that nothing was deployed", async () => {
      const planned = await skep(["ci"], github());
      expect(planned.exitCode).toBe(5);
      expect(annotations(planned.stderr)).toEqual([
        expect.objectContaining({
          properties: { title: expect.stringMatching(/^web-2: cannot be planned \[ssh\//) as string },
        }),
      ]);
      expect(planned.stderr).not.toContain("rollout/plan-incomplete");
      expect(readJunit(read("skep-ci/junit.xml")).cases).toMatchObject(junitOf("it was only planned"));
      const run = await skep(["ci", "--deploy"], github());
      expect(run.exitCode).toBe(5);
      expect(run.stderr).toContain(
        "skep: error: the plan has nothing for web-2, which failed in it, so nothing is deployed [rollout/plan-incomplete]\n" +
          "skep: hint: make it again when they are well, or without them: skep ci --deploy --on '!web-2'\n",
      );
      expect(annotations(run.stderr).map(({ properties }) => properties.title)).toEqual([
        expect.stringMatching(/^web-2: cannot be planned/),
        "skep ci: failed [rollout/plan-incomplete]",
      ]);
      expect(read("outputs")).toMatch(/\nplan=.*\nexit-code=5\nchanges=true\nplan=.*\nexit-code=5\n$/);
      expect(read("summary.md")).toMatch(/web-2 cannot be planned[^]*skep ci: failed with `rollout\/plan-incomplete`/);
      expect(readJunit(read("skep-ci/junit.xml")).cases).toMatchObject(
        junitOf("the plan is incomplete, so nothing was deployed"),
      );
      expect(HOSTS.map(runs)).toEqual([undefined, undefined]);
      expect(await junitProblems([read("skep-ci/junit.xml")])).toEqual([]);
      // What was wrong is not told of the next run, too.
      hive("1.0");
      expect(await skep(["ci"])).toMatchObject({ exitCode: 0 });
      expect(existsSync(at("skep-ci/junit.xml"))).toBe(false);
    });

    const junitOf = (reason: string) => [
      { name: "web-1", ending: "skipped", message: reason },
      { name: "web-2", ending: "failure", message: "failed: connecting to 127.0.0.1 port 1: connection refused" },
    ];
  });

  describe("whatever ends it before there is a plan", () => {
    const endings = [
      {
        what: "a hive that is no TypeScript",
        prepare: () => {
          write("hive.ts", 'import { defineHive } from "skep";\nexport default defineHive({ hosts: {\n');
        },
        ...{ argv: [], code: "hive/load", exitCode: 2 },
      },
      {
        what: "an option that it does not know",
        prepare: () => undefined,
        argv: ["--deplyo"],
        code: "cli/usage",
        exitCode: 2,
      },
      {
        what: "options that contradict each other",
        prepare: () => undefined,
        argv: ["--plan", "x"],
        code: "cli/usage",
        exitCode: 2,
      },
      {
        what: "a file where its folder should be",
        prepare: () => {
          write("skep-ci", "");
        },
        ...{ argv: [], code: "cli/file", exitCode: 1 },
      },
    ];

    it.each(endings)(
      "$what: it is told in the log, as an annotation, in the summary and the outputs",
      async (ending) => {
        ending.prepare();
        const run = await skep(["ci", ...ending.argv], github());
        expect(run, run.stderr).toMatchObject({ exitCode: ending.exitCode, stdout: "" });
        expect(run.stderr).toContain(`[${ending.code}]\n`);
        const { commands } = readAsRunner(run.stderr);
        expect(commands).toMatchObject([{ name: "error", properties: { title: `skep ci: failed [${ending.code}]` } }]);
        expect(read("outputs")).toBe(`exit-code=${ending.exitCode}\n`);
        expect(read("summary.md")).toContain(`### skep ci: failed with \`${ending.code}\``);
      },
    );

    it("on GitLab: in an open section, and as a test case", async () => {
      write("hive.ts", "export default {");
      const run = await skep(["ci"], { GITLAB_CI: "true" });
      expect(run.exitCode).toBe(2);
      expect(run.stderr).toMatch(
        /section_start:\d+:skep_error\[collapsed=false\]\r.*x skep ci: failed \[hive\/load\]\nskep: error: [^]*section_end:\d+:skep_error/,
      );
      expect(readJunit(read("skep-ci/junit.xml")).cases).toMatchObject([{ name: "skep ci", ending: "error" }]);
      expect(await junitProblems([read("skep-ci/junit.xml")])).toEqual([]);
    });

    it("says what it could not tell, which costs it the 0", async () => {
      const run = await skep(["ci"], { ...github(), GITHUB_OUTPUT: at("no/such/folder") });
      expect(run.exitCode).toBe(1);
      expect(run.stderr).toMatch(/cannot write the outputs of the step to .*no\/such\/folder: .* \[cli\/file\]\n/);
    });
  });

  it("deploys the plan that was reviewed, and refuses it when a host has moved since", async () => {
    await skep(["ci", "--artifacts", "reviewed"]);
    expect(await skep(["ci", "--deploy", "--plan", "reviewed/plan.json"])).toMatchObject({ exitCode: 0 });
    hive("2.0");
    await skep(["ci", "--artifacts", "reviewed"]);
    hive("3.0");
    await skep(["deploy", "--quiet"]);
    hive("2.0");
    const before = HOSTS.map(runs);
    const refused = await skep(["ci", "--deploy", "--plan", "reviewed/plan.json"]);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain("rollout/moved");
    expect(HOSTS.map(runs)).toEqual(before);
  });

  it("ends with 4 where the secrets are not as the rules say, before anything is planned", async () => {
    writeRules({ rules: { "db/password": {} } });
    const run = await skep(["ci"]);
    expect(run).toMatchObject({ exitCode: 4, stdout: "" });
    expect(run.stderr).toContain("db/password");
    expect(existsSync(at("skep-ci/plan.json"))).toBe(false);
  });

  it("refuses options that mean nothing together", async () => {
    for (const argv of [
      ["--plan", "x"],
      ["--deploy", "--exit-code"],
      ["--deploy", "--signer", "ann"],
      ["--deploy", "--plan", "x", "--on", "web-1"],
      ["--deploy", "--plan", "x", "--soak", "5m"],
      ["--deploy", "--plan", "x", "--reboot", "always"],
    ]) {
      expect(await skep(["ci", ...argv])).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("[cli/usage]") as string,
      });
    }
  });
});
