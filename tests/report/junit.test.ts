import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RolloutEvent } from "#rollout";
import { inAnyOrder, started } from "./arbitrary-events.ts";
import { junitProblems, readJunit } from "./junit-reader.ts";
import { reportRun } from "./report-run.ts";
import { BAD_GATEWAY, hostReport, name, NOON, rolloutReport, typicalRun } from "./typical-run.ts";

describe("--junit", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "skep-junit-"));
    file = join(folder, "reports/skep.xml");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const write = async (events: readonly RolloutEvent[]): Promise<string> => {
    await reportRun(events, { junit: file });
    return readFileSync(file, "utf8");
  };

  it("is a test case for each host, with its steps, and with message, code, last output and hint of what failed", async () => {
    const xml = await write(typicalRun());
    expect(await junitProblems([xml])).toEqual([]);
    expect(readJunit(xml).counts).toEqual({ tests: 3, failures: 1, errors: 0, skipped: 0 });
    expect(xml).toContain(`<testsuite name="apiary switch" tests="3"`);
    expect(xml).toContain(`<property name="skep.run" value="r-7c1d"/>`);
    expect(xml).toContain(`\
    <testcase name="db-1" classname="apiary.switch" time="29.000">
      <failure type="health/failed" message="rolled back: http :80/healthz answered 502 for 30 s, wanted 200 to 299">\
http :80/healthz answered 502 for 30 s, wanted 200 to 299
nginx: bind() to 0.0.0.0:80 failed
hint: see why with ssh root@db-1 journalctl --unit nginx</failure>
      <system-out>check      25 s  failed
roll-back  3.0 s
`);
    expect(xml).toMatch(/<testcase name="web-1"[^>]*>\n {6}<system-out>connect {2}0\.4 s\ncopy {5}4\.0 s\n/);
    expect(xml).toContain("notice: a reboot is needed to run the new kernel");
  });

  it("tells why a host was skipped, and which did not end because the run was left", async () => {
    const reason = "db-1 of wave @canary was rolled back";
    const xml = await write([
      ...typicalRun().slice(0, 4),
      { at: NOON, type: "step-started", host: name("db-1"), step: "test" },
      {
        ...{ at: NOON, type: "host-finished", host: name("web-2") },
        report: hostReport("web-2", { outcome: "skipped", reason }),
      },
    ]);
    expect(await junitProblems([xml])).toEqual([]);
    expect(readJunit(xml)).toEqual({
      cases: [
        { name: "web-1", ending: "error", type: "report/not-ended", message: "not ended: it was not begun" },
        { name: "web-2", ending: "skipped", type: undefined, message: reason },
        { name: "db-1", ending: "error", type: "report/not-ended", message: "not ended: test was its last step" },
      ],
      counts: { tests: 3, failures: 0, errors: 2, skipped: 1 },
    });
    expect(xml).toContain(`<property name="skep.interrupted" value="true"/>`);
  });

  it("is there whole or not at all, and takes the place of an earlier one", async () => {
    await write(typicalRun());
    await write([
      ...typicalRun().slice(0, -1),
      { at: NOON, type: "run-finished", report: rolloutReport([hostReport("web-1", { outcome: "unchanged" })]) },
    ]);
    expect(readdirSync(join(folder, "reports"))).toEqual(["skep.xml"]);
  });

  it("is not there of a run of which nothing came: what ended it is told elsewhere", async () => {
    await reportRun([], { junit: file, format: "github", env: { GITHUB_STEP_SUMMARY: join(folder, "summary.md") } });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("that cannot be written is told, and changes nothing else", async () => {
    writeFileSync(join(folder, "reports"), "a file in the way");
    const { stderr } = await reportRun(typicalRun(), { junit: file });
    expect(stderr).toMatch(
      /1 rolled back in 42 s\nskep: error: cannot write the report .*skep\.xml: .* \[report\/file\]\n$/,
    );
  });

  it("is XML that a parser takes, with the same text in it, whatever hosts print", async () => {
    const samples = fc.sample(fc.tuple(started, inAnyOrder), { numRuns: 150, seed: 7 });
    const files: string[] = [];
    for (const [first, rest] of samples) files.push(await write([first, ...rest]));
    expect(await junitProblems(files)).toEqual([]);
    const error = { ...BAD_GATEWAY, message: `<&>"' ]]> \u0000\u001b[31m\ud800\ufffe &amp;` };
    const hostile = { at: NOON, type: "host-finished" as const, host: name("db-1") };
    const xml = await write([{ ...hostile, report: hostReport("db-1", { outcome: "failed", error }) }]);
    expect(await junitProblems([xml])).toEqual([]);
    expect(xml).toContain("&lt;&amp;&gt;&quot;' ]]&gt;  &amp;amp;");
  });
});
