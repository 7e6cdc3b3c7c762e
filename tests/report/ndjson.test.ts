import { describe, expect, it } from "vitest";
import { reportRun } from "./report-run.ts";
import { hostReport, name, NOON, rolloutReport, typicalRun } from "./typical-run.ts";

const at = (ms: number): string => new Date(ms).toISOString();

describe("ndjson", () => {
  it("is the events, one object a line, with ISO 8601 instants and the version in the first", async () => {
    const { stdout } = await reportRun(typicalRun(), { format: "ndjson" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toBe(
      `{"type":"run-started","at":"${at(NOON)}","v":1,"run":"r-7c1d","goal":"switch","hive":"apiary",` +
        `"hosts":["web-1","web-2","db-1"],"steps":["evaluate","build","connect","probe","lease","copy","secrets","test","login","check","commit"]}`,
    );
    expect(lines[1]).toBe(
      `{"type":"notice","at":"${at(NOON)}","message":"the hive's git tree has changes that are not committed"}`,
    );
    expect(lines[3]).toBe(
      `{"type":"step-finished","at":"${at(NOON + 400)}","host":"web-1","step":"connect","durationMs":400}`,
    );
    expect(lines.find((line) => line.includes('"step-failed"'))).toBe(
      `{"type":"step-failed","at":"${at(NOON + 37_000)}","host":"db-1","step":"check","durationMs":25000,` +
        `"error":{"code":"health/failed","message":"http :80/healthz answered 502 for 30 s, wanted 200 to 299",` +
        `"hint":"see why with ssh root@db-1 journalctl --unit nginx","host":"db-1"}}`,
    );
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(
      typicalRun().map(({ type }) => type),
    );
    expect(lines.at(-1)).toContain(`"startedAt":"${at(NOON)}"`);
  });

  it("leaves standard error to the record for people, or to nothing when quiet and all is well", async () => {
    const { stderr } = await reportRun(typicalRun(), { format: "ndjson" });
    expect(stderr).toMatch(/^HOST .*\nweb-2 [^]*\nskep: error: db-1: [^]*\n\nswitch: 1 deployed, .* in 42 s\n$/);
    const report = rolloutReport([hostReport("web-1", { outcome: "unchanged" })]);
    const quiet = await reportRun([{ at: NOON, type: "run-finished", report }], { format: "ndjson", quiet: true });
    expect(quiet.stderr).toBe("");
  });

  it("has no results of its own on standard output when the goal is build", async () => {
    const report = rolloutReport([hostReport("web-1", { outcome: "deployed" })], { goal: "build" });
    const { stdout } = await reportRun([{ at: NOON, type: "run-finished", report }], { format: "ndjson" });
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  });

  it("escapes what terminals obey and what other readers take for the end of a line", async () => {
    const line = "\u001b[31m\u009b\u007f\u0085\u2028\n";
    const { stdout } = await reportRun([{ at: NOON, type: "log", host: name("web-1"), step: "build", line }], {
      format: "ndjson",
    });
    expect(stdout).toContain(String.raw`"line":"\u001b[31m\u009b\u007f\u0085\u2028\n"`);
    expect((JSON.parse(stdout) as { line: string }).line).toBe(line);
  });
});
