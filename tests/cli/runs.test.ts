import { beforeEach, describe, expect, it } from "vitest";
import { localTime } from "#core";
import type { HostName } from "#hive";
import type { RolloutEvent } from "#rollout";
import { useScene } from "./scene.ts";
import { writeRun } from "./write-run.ts";

const [WEB, DB] = ["web-1", "db-1"] as HostName[] as [HostName, HostName];
const OLD = "20260130-090000-aaaa";
const NEW = "20260131-142501-3f9a";
const OTHER = "20260201-080000-cccc";

const history = { from: undefined, to: undefined, generation: 7, secretsFrom: undefined, logins: 2 };
const REPORT = { ...history, durationMs: 4_200, copiedPaths: 0, copiedBytes: 0, notices: [] };
const ERROR = { code: "health/failed", message: "not healthy: \u001b[31mhttp :80", hint: "see its journal" };
const finished = (run: string, interrupted = false): RolloutEvent => ({
  ...{ at: 9_000, type: "run-finished" },
  report: { run, goal: "switch", startedAt: 0, durationMs: 42_000, hosts: [], interrupted },
});
const EVENTS = [
  { at: 1, type: "step-started", host: WEB, step: "test" },
  { at: 2, type: "step-finished", host: WEB, step: "test", durationMs: 2_100 },
  { at: 3, type: "step-started", host: WEB, step: "check" },
  { at: 4, type: "step-failed", host: WEB, step: "check", durationMs: 1_000, error: ERROR },
  { at: 5, type: "host-finished", host: WEB, report: { ...REPORT, host: WEB, outcome: "rolled-back", error: ERROR } },
  { at: 6, type: "step-started", host: DB, step: "connect" },
] as unknown as RolloutEvent[];

describe("the runs of a hive", { timeout: 120_000 }, () => {
  const { machine, at, write: writeFile, start } = useScene([WEB, DB], { keepHosts: true });
  beforeEach(() => {
    const hosts = [WEB, DB].map(
      (name) => `${JSON.stringify(name)}: { target: ${JSON.stringify(machine(name).target)}, system: release }`,
    );
    writeFile(
      "hive.ts",
      `import { defineHive, system } from "skep";
       const release = system({ etc: { release: "1" } });
       export default defineHive({ name: "fleet", hosts: { ${hosts.join(", ")} } });`,
    );
  });

  const skep = (...argv: string[]) => start(argv, { env: { TZ: "UTC" } }).ended;
  const hostsOf = (more: object = {}): object =>
    [WEB, DB].map((name) => ({ name, wave: "rest", target: machine(name).target, ...more }));
  const write = (run: string, events: readonly RolloutEvent[], change: object = {}): Promise<void> =>
    writeRun(run, events, {
      directory: at("."),
      header: {
        ...{ hive: "fleet", startedAt: Date.UTC(2026, 0, 31, 14, 25, 1), hosts: hostsOf() },
        revision: { name: "fleet", revision: "0123456789abcdef", dirty: true },
        ...change,
      },
    });

  it("are listed, the newest first, with how they ended", async () => {
    expect(await skep("runs")).toEqual({ exitCode: 0, stdout: "no runs yet\n", stderr: "" });
    await write(OLD, [finished(OLD)]);
    await write(NEW, EVENTS);
    const { stdout } = await skep("runs");
    const rows = stdout.trimEnd().split("\n");
    expect(rows[0]).toMatch(
      /^20260131-142501-3f9a {2}2026-0[12]-\d\d \d\d:25:01 {2}ann@laptop {2}switch {2}broken-off {2}1 rolled back, 1 not ended$/,
    );
    expect(rows[1]).toMatch(/^20260130-090000-aaaa {2}.* ended {7}2 not ended$/);
    const [newest] = JSON.parse((await skep("runs", "--json")).stdout) as object[];
    expect(newest).toMatchObject({
      ...{ run: NEW, state: "broken-off", goal: "switch", operator: "ann@laptop", dirty: true },
      ...{ startedAt: "2026-01-31T14:25:01.000Z", outcomes: { "rolled-back": 1, "not-ended": 1 } },
    });
  });

  it("are shown one by one, and a terminal is safe from what hosts said", async () => {
    await write(NEW, EVENTS);
    const { stdout } = await skep("runs", NEW);
    expect(stdout.replace(/begun .* by/, "begun THEN by")).toBe(`\
${NEW}  switch of 2 hosts of fleet at 0123456789ab, changed
  begun THEN by ann@laptop
  broken off; skep resume goes on with it

web-1  rolled back in 4.2 s
  test   2.1 s
  check  1.0 s  not healthy:  [31mhttp :80 [health/failed]
  error: not healthy:  [31mhttp :80 [health/failed]
  hint: see its journal

db-1  not ended, connect was the last step
  connect  not ended
`);
    expect(JSON.parse((await skep("runs", NEW, "--json")).stdout)).toMatchObject({
      hosts: [
        { host: WEB, outcome: "rolled-back", steps: [{ step: "test", durationMs: 2_100 }, { step: "check" }] },
        { host: DB, outcome: "not-ended", lastStep: "connect" },
      ],
    });
  });

  it.each([
    { given: "20260131-142501-3f9b", hint: `did you mean "${NEW}"?` },
    { given: "3f9a", hint: `did you mean "${NEW}"?` },
    { given: "yesterday", hint: "skep runs lists them" },
  ])("are found by their names: not by $given", async ({ given, hint }) => {
    await write(NEW, EVENTS);
    for (const verb of ["runs", "resume"]) {
      expect(await skep(verb, given)).toEqual({
        ...{ exitCode: 2, stdout: "" },
        stderr: `skep: error: there is no run "${given}" of this hive [cli/usage]\nskep: hint: ${hint}\n`,
      });
    }
  });

  it("cannot be resumed where there is nothing to resume", async () => {
    expect((await skep("resume")).stderr).toContain("there is nothing to resume [cli/usage]");
    await write(OLD, [finished(OLD)]);
    expect((await skep("resume")).stderr).toContain("every run of this hive came to its end");
    expect((await skep("resume", OLD)).stderr).toContain(`run ${OLD} came to its end`);
    await write(OTHER, EVENTS, { hive: "staging" });
    expect((await skep("resume", OTHER)).stderr).toContain(`run ${OTHER} is of the hive staging, and this is fleet`);
    const { pid, machine } = { pid: process.pid, machine: (await import("node:os")).hostname() };
    await write(NEW, EVENTS, { process: { pid, machine, started: null } });
    expect(await skep("resume")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`run ${NEW} goes on: process ${pid} on ${machine}`) as string,
    });
  });

  it("are resumed: the newest that did not end, to the usual report and exit code", async () => {
    await write(OLD, EVENTS);
    await write(NEW, EVENTS.slice(0, 0));
    await write(OTHER, [finished(OTHER)]);
    const { exitCode, stderr } = await skep("resume");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining("2 deployed") as string });
    expect(stderr).toContain(
      `skep: notice: resuming run ${NEW}: switch of 2 hosts, begun ${localTime(Date.parse("2026-01-31T14:25:01Z"))} by ann@laptop`,
    );
    expect((await skep("runs", NEW)).stdout).toMatch(/^ {2}resumed .*\n {2}ended after /m);
    expect((await skep("runs", NEW)).stdout).toMatch(/^web-1 {2}deployed in /m);
  });

  it("refuse hosts whose system is another by now, with the exit code of a hive that is wrong", async () => {
    const toplevel = "/nix/store/00000000000000000000000000000000-before";
    await write(NEW, [], { hosts: hostsOf({ toplevel }) });
    const { exitCode, stderr } = await skep("resume");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /the hive changed since the run began: its system was .*-before and is .*\[rollout\/hive-changed\]/,
    );
    expect(stderr).toContain("bring the new system with skep deploy");
  });

  it("are not begun anew with --no-new, and their NDJSON is that of a deployment", async () => {
    await write(NEW, []);
    const { exitCode, stdout } = await skep("resume", "--no-new", "--json");
    expect(exitCode).toBe(5);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string });
    expect(lines.map(({ type }) => type)).toEqual(["run-started", "host-finished", "host-finished", "run-finished"]);
  });
});
