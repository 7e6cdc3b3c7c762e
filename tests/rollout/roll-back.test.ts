import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hive } from "#hive";
import type { RolloutEvent } from "#rollout";
import { listRuns, planReturns, resumeRun, rollBack, rollOut, runsFolder } from "#rollout";
import type { Sandbox } from "#sandbox";
import { startSandbox } from "#sandbox";
import { makeHive } from "./resume-hive.ts";

const HOSTS = ["web-1", "web-2"] as const;
const never = new AbortController().signal;

describe("rollBack()", { timeout: 120_000 }, () => {
  let sandbox: Sandbox;
  let folder = "";
  beforeAll(async () => {
    sandbox = await startSandbox({ hosts: HOSTS });
    folder = mkdtempSync(join(tmpdir(), "skep-roll-back-"));
    for (const release of ["v1", "v2"]) await deploy(release);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await sandbox[Symbol.asyncDispose]();
  });

  function hiveOf(release: string, waves?: readonly string[]): Hive {
    const targets = Object.fromEntries(sandbox.hosts.map(({ name, target }) => [name, target]));
    return makeHive({ directory: folder, targets, release, waves });
  }
  async function deploy(release: string): Promise<void> {
    const hive = hiveOf(release);
    const report = await rollOut(hive, {
      goal: "switch",
      hosts: hive.hosts,
      stop: never,
      leave: never,
      onEvent: () => undefined,
    });
    expect(report.hosts.map(({ outcome }) => outcome)).toEqual(["deployed", "deployed"]);
  }
  const plan = (hive: Hive) => planReturns(hive.hosts, { wish: "earlier", ssh: {}, parallel: 2, signal: never });
  const releases = (): readonly string[] =>
    HOSTS.map((name) => {
      const { root } = sandbox.host(name);
      return readFileSync(join(root, readlinkSync(join(root, "etc/release"))), "utf8").trim();
    });

  it("leaves a host as it is that somebody changed after its return was planned", async () => {
    const hive = hiveOf("v2");
    const returns = await plan(hive);
    await deploy("v3");
    const report = await rollBack(hive, {
      hosts: hive.hosts,
      returns,
      stop: never,
      leave: never,
      onEvent: () => undefined,
    });
    expect(report).toMatchObject({ rollback: true, hosts: [{ outcome: "failed" }, { outcome: "failed" }] });
    for (const host of report.hosts) expect(host).toMatchObject({ error: { code: "rollout/rollback-moved" } });
    expect(releases()).toEqual(["v3", "v3"]);
  });

  it("goes by the order in which a host was deployed to, whatever the clocks of its operators said", async () => {
    for (const name of HOSTS) {
      const records = join(sandbox.host(name).root, "var/lib/skep/deployments");
      const second = readdirSync(records)
        .map((file) => join(records, file))
        .find((file) => readFileSync(file, "utf8").includes('"generation":2'));
      if (second === undefined) throw new Error("the second deployment left no record");
      const { atimeMs, mtimeMs } = statSync(second);
      const record = JSON.parse(readFileSync(second, "utf8")) as object;
      writeFileSync(second, JSON.stringify({ ...record, run: "20200101-000000-0000", at: "2020-01-01T00:00:00.000Z" }));
      utimesSync(second, atimeMs / 1000, mtimeMs / 1000);
      renameSync(second, join(records, "20200101-000000-0000.json"));
    }
    for (const [, chosen] of await plan(hiveOf("v3"))) expect(chosen).toMatchObject({ record: { generation: 2 } });
  });

  it("is resumed with what it was going to do, whatever the hive wants by now", async () => {
    const hive = hiveOf("v9", ["web-1"]);
    const returns = await plan(hive);
    const stop = new AbortController();
    const report = await rollBack(hive, {
      ...{ hosts: hive.hosts, returns, journal: true, leave: never, stop: stop.signal },
      onEvent(event: RolloutEvent) {
        if (event.type === "host-finished" && event.host === "web-1") stop.abort();
      },
    });
    expect(report.hosts.map(({ outcome }) => outcome)).toEqual(["deployed", "skipped"]);
    expect(releases()).toEqual(["v2", "v3"]);
    const [journal] = await listRuns(runsFolder(hive));
    if (journal === undefined) throw new Error("there is no journal");
    expect(journal.header).toMatchObject({ rollback: true, goal: "switch" });
    const resumed = await resumeRun(hive, journal, {
      ...{ wanted: "finish", verify: false, stop: never, leave: never, onEvent: () => undefined },
    });
    expect(resumed).toMatchObject({ rollback: true, hosts: [{ outcome: "deployed" }, { outcome: "deployed" }] });
    expect(releases()).toEqual(["v2", "v2"]);
    // And one further back, each by its own records.
    for (const [, chosen] of await plan(hive)) expect(chosen).toMatchObject({ record: { generation: 1 } });
  });

  it("writes down the revision that the system was made of, and skep's own files make none of it changed", async () => {
    const git = (...argv: readonly string[]): string =>
      execFileSync("git", ["-C", folder, "-c", "user.name=ann", "-c", "user.email=ann@laptop", ...argv], {
        encoding: "utf8",
      }).trim();
    git("init", "--quiet");
    mkdirSync(join(folder, ".skep"), { recursive: true });
    const revisions: string[] = [];
    for (const release of ["g1", "g2"]) {
      writeFileSync(join(folder, "hive.ts"), release);
      git("add", "hive.ts");
      git("commit", "--quiet", "--message", release);
      revisions.push(git("rev-parse", "HEAD"));
      writeFileSync(join(folder, ".skep/anything"), release);
      await deploy(release);
    }
    const hive = hiveOf("g2");
    const returns = await plan(hive);
    for (const [, chosen] of returns) {
      expect(chosen).toMatchObject({ back: { hive: { revision: revisions[0], dirty: false } } });
    }
    const options = { hosts: hive.hosts, returns, stop: never, leave: never, onEvent: () => undefined };
    const { run } = await rollBack(hive, options);
    const record = join(sandbox.host("web-1").root, `var/lib/skep/deployments/${run}.json`);
    expect(JSON.parse(readFileSync(record, "utf8"))).toMatchObject({
      rollback: true,
      hive: { revision: revisions[0], dirty: false },
    });
  });
});
