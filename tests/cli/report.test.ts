import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RolloutEvent } from "#rollout";
import { junitProblems, readJunit } from "../report/junit-reader.ts";
import { typicalRun } from "../report/typical-run.ts";
import { runSkep } from "./run-skep.ts";
import { writeRun } from "./write-run.ts";

const OLD = "20260130-090000-aaaa";
const NEW = "20260131-142501-3f9a";

describe("skep report", () => {
  let folder = "";
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "skep-report-"));
    writeFileSync(join(folder, "hive.ts"), "throw new Error('the hive is not read');\n");
    await write(OLD, typicalRun());
    await write(NEW, typicalRun().slice(0, -4));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const write = (run: string, events: readonly RolloutEvent[]): Promise<void> =>
    writeRun(run, events, { directory: folder });
  const skep = (...argv: string[]) => runSkep(argv, { cwd: folder });

  it("tells how a run ended in the words it was told in then, without reading the hive", async () => {
    const { exitCode, stdout, stderr } = await skep("report", OLD);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(
      /^20260130-090000-aaaa {2}switch of apiary: 1 deployed, 1 unchanged, 1 rolled back in 42 s\n\nHOST +OUTCOME/,
    );
    expect(stdout).toContain(
      "skep: error: db-1: http :80/healthz answered 502 for 30 s, wanted 200 to 299 [health/failed]",
    );
    expect(stdout).toMatch(/\nswitch: 1 deployed, 1 unchanged, 1 rolled back in 42 s\n$/);
  });

  it("is of the newest run unless one is named, also of one that did not end", async () => {
    const { stdout } = await skep("report");
    expect(stdout).toMatch(/^20260131-142501-3f9a {2}switch of apiary: 1 deployed, 1 unchanged, 1 not ended in 37 s\n/);
  });

  it("makes a page, Markdown and JUnit XML at once, into files", async () => {
    const files = ["--html", "out/page.html", "--markdown", "out/run.md", "--junit", "out/run.xml"];
    expect(await skep("report", OLD, ...files)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const read = (name: string): string => readFileSync(join(folder, "out", name), "utf8");
    expect(read("page.html")).toMatch(/^<!doctype html>\n[^]*<title>switch of apiary: 1 deployed/);
    expect(read("page.html")).toContain("ann@laptop");
    expect(read("page.html")).toContain("<code>0123456789ab</code>, changed");
    expect(read("run.md")).toMatch(/^## skep switch of `apiary`: 1 deployed/);
    expect(await junitProblems([read("run.xml")])).toEqual([]);
    expect(readJunit(read("run.xml")).counts).toEqual({ tests: 3, failures: 1, errors: 0, skipped: 0 });
  });

  it("goes to standard output without a file", async () => {
    const { exitCode, stdout, stderr } = await skep("report", OLD, "--markdown");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^## skep switch/);
  });

  it.each([
    [["report", "--html", OLD], "--html takes a file, and 20260130-090000-aaaa is a run", `skep report ${OLD} --html`],
    [
      ["report", "--html", "--junit"],
      "--html and --junit cannot both go to standard output",
      "name a file: --html FILE",
    ],
    [["report", "3f9a"], 'there is no run "3f9a" of this hive', `did you mean "${NEW}"?`],
  ])("%j is a usage error with what was meant", async (argv, message, hint) => {
    const { exitCode, stderr } = await skep(...argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`skep: error: ${message} [cli/usage]`);
    expect(stderr).toContain(hint);
  });

  it("says that it cannot write a file, and that there are no runs", async () => {
    expect(await skep("report", OLD, "--html", "hive.ts/page.html")).toMatchObject({
      ...{
        exitCode: 1,
        stderr: expect.stringMatching(/cannot write the report to .* \[cli\/file\]\nskep: hint: /) as string,
      },
    });
    rmSync(join(folder, ".skep"), { recursive: true });
    expect((await skep("report")).stderr).toContain("this hive has no runs yet");
  });
});
