import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { readAsRunner } from "../report/github-runner.ts";
import { readJunit } from "../report/junit-reader.ts";
import { HOSTS, useCiScene } from "./ci-scene.ts";

describe("the artifacts of skep ci", { timeout: 180_000 }, () => {
  const { at, read, write, writeRules, hive, runs, skep, github } = useCiScene();

  /** What an earlier job left there, which went well. */
  function earlier(folder = "skep-ci"): void {
    for (const name of ["plan.json", "plan.md", "junit.xml", "report.html"])
      write(`${folder}/${name}`, "an earlier job's");
  }
  const left = (folder = "skep-ci"): readonly string[] => readdirSync(at(folder)).sort();
  const erred = (folder = "skep-ci") => readJunit(read(`${folder}/junit.xml`)).cases;

  it("are this job's alone, however early it ends", async () => {
    earlier();
    write("hive.ts", "export default {");
    expect(await skep(["ci", "--deploy"])).toMatchObject({ exitCode: 2 });
    expect(left()).toEqual(["junit.xml"]);
    expect(erred()).toMatchObject([{ name: "skep ci", ending: "error" }]);
  });

  it.each([
    [["--deplyo"], "skep-ci"],
    [["--deploy", "--exit-code"], "skep-ci"],
    [["--quiet", "--verbose"], "skep-ci"],
    [["--artifacts", "kept", "--deplyo"], "kept"],
    [["--deplyo", "--artifacts=kept"], "kept"],
    [["--deplyo", "--artifacts"], "skep-ci"],
  ])("are this job's alone where nobody can carry out its command line: %j", async (argv, folder) => {
    earlier(folder);
    expect(await skep(["ci", ...argv])).toMatchObject({ exitCode: 2 });
    expect(left(folder)).toEqual(["junit.xml"]);
    expect(erred(folder)).toMatchObject([{ name: "skep ci", ending: "error" }]);
  });

  it("keep the plan that is to be deployed, whatever name it is called by, and tell of just that", async () => {
    await skep(["ci"]);
    const plan = read("skep-ci/plan.json");
    const markdown = read("skep-ci/plan.md");
    symlinkSync("skep-ci/plan.json", at("reviewed.json"));
    earlier("rest");
    for (const name of left("rest").filter((one) => one !== "plan.json"))
      renameSync(at(`rest/${name}`), at(`skep-ci/${name}`));
    for (const argv of [
      ["--deploy", "--plan", "./skep-ci/../skep-ci/plan.json", "--deplyo"],
      ["--deploy", "--plan", "reviewed.json", "--max-age", "soon"],
    ]) {
      expect(await skep(["ci", ...argv]), argv.join(" ")).toMatchObject({ exitCode: 2 });
      expect(left()).toEqual(["junit.xml", "plan.json"]);
    }
    const run = await skep(["ci", "--deploy", "--plan", "skep-ci/plan.json"], github());
    expect(run, run.stderr).toMatchObject({ exitCode: 0 });
    expect(left()).toEqual(["junit.xml", "plan.json", "plan.md", "report.html"]);
    expect([read("skep-ci/plan.json"), read("skep-ci/plan.md")]).toEqual([plan, markdown]);
    expect(read("outputs")).toMatch(/^plan=.*\nchanges=true\nrun=.*\nexit-code=0\n$/);
    expect(HOSTS.map(runs)).not.toContain(undefined);
  });

  it("have no other plan than the one that is deployed", async () => {
    await skep(["ci", "--artifacts", "reviewed"]);
    hive("2.0");
    await skep(["ci"]);
    expect(await skep(["ci", "--deploy", "--plan", "reviewed/plan.json"])).toMatchObject({ exitCode: 5 });
    expect(left()).toEqual(["junit.xml", "plan.md", "report.html"]);
    hive("1.0");
    expect(await skep(["ci", "--deploy", "--plan", "reviewed/plan.json"])).toMatchObject({ exitCode: 0 });
    expect(read("skep-ci/plan.md")).toBe(read("reviewed/plan.md"));
  });

  it("tell of a job that was stopped while it planned", async () => {
    earlier();
    const silent = createServer(() => process.emit("SIGTERM"));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const target = JSON.stringify({ host: "127.0.0.1", port, user: "root" });
    write(
      "hive.ts",
      `import { defineHive, system } from "skep";
       export default defineHive({ hosts: { "web-1": { target: ${target}, system: system({}) } } });`,
    );
    const run = await skep(["ci", "--deploy"], github());
    silent.close();
    expect(run, run.stderr).toMatchObject({ exitCode: 130, stdout: "" });
    expect(left()).toEqual(["junit.xml"]);
    expect(erred()).toMatchObject([{ message: "stopped while planning, so nothing was deployed" }]);
    expect(read("summary.md")).toContain("stopped while planning, so nothing was deployed");
    expect(read("outputs")).toBe("exit-code=130\n");
  });

  it.each([
    { phase: "checking the secrets", argv: ["--deploy"], load: 1 },
    { phase: "planning", argv: ["--deploy"], load: 2 },
    { phase: "reading the plan", argv: ["--deploy", "--plan", "reviewed/plan.json"], load: 2 },
  ])("tell of a job that was stopped while $phase, by a hive that takes its time", async ({ phase, argv, load }) => {
    writeRules({ rules: {} });
    expect(await skep(["ci", "--artifacts", "reviewed"])).toMatchObject({ exitCode: 0 });
    const stops = `globalThis.loads = (globalThis.loads ?? 0) + 1;
      if (globalThis.loads === ${load}) { process.emit("SIGTERM"); await new Promise(() => undefined); }`;
    write("hive.ts", `${read("hive.ts")}\n${stops}`);
    const run = await skep(["ci", ...argv], github());
    Reflect.deleteProperty(globalThis, "loads");
    const told = `stopped while ${phase}, so nothing was deployed`;
    expect(run, run.stderr).toMatchObject({ exitCode: 130, stdout: "" });
    expect(left()).toEqual(["junit.xml"]);
    expect(erred()).toMatchObject([{ message: told }]);
    expect(read("summary.md")).toContain(told);
    expect(read("outputs")).toMatch(/^exit-code=130$/m);
  });

  it("that cannot be taken away end the job with their folder", async () => {
    mkdirSync(at("skep-ci/report.html"), { recursive: true });
    const run = await skep(["ci"], github());
    expect(run).toMatchObject({ exitCode: 1, stdout: "" });
    expect(run.stderr).toMatch(
      /^skep: error: cannot remove an earlier job's .*\/skep-ci\/report\.html: .* \[cli\/file\]\nskep: hint: name a place/,
    );
    expect(read("outputs")).toBe("exit-code=1\n");
  });

  it("and all else tell what is wrong with the secrets, one by one", async () => {
    writeRules({ rules: { "db/password": {}, "web/token": {} } });
    const problems = /the check found 2 problems:\s+db\/password: [^]*\s+web\/token: /;
    const run = await skep(["ci"], github());
    expect(run.exitCode).toBe(4);
    expect(run.stderr.match(/db\/password/g)).toHaveLength(2);
    const [annotation] = readAsRunner(run.stderr).commands;
    expect(annotation?.data).toMatch(problems);
    expect(read("summary.md")).toMatch(problems);
    expect(read("skep-ci/junit.xml")).toMatch(problems);
    rmSync(at("secrets"), { recursive: true });
    writeRules({ rules: { "db/password": {} } });
    const { stderr } = await skep(["ci"], { GITLAB_CI: "true" });
    expect(stderr).toMatch(
      /section_start:\d+:skep_error[^]*: the check found 1 problem: db\/password: [^]*section_end:\d+:skep_error/,
    );
    expect(existsSync(at("skep-ci/plan.json"))).toBe(false);
  });
});
