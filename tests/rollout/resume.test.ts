import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Redacted } from "#core";
import type { Goal } from "#hive";
import { defineHost, parseHive, system } from "#hive";
import type { HostReport, JournalRead, ResumeRunOptions, RolloutEvent, RolloutReport } from "#rollout";
import { resumeRun, rollOut, runsFolder } from "#rollout";
import type { Sandbox } from "#sandbox";
import { startSandbox } from "#sandbox";
import { defaultSystem, runningSystem } from "../sandbox/systems-of-host.ts";
import { killOperator, readJournal } from "./killed-operator.ts";
import type { HiveWords } from "./resume-hive.ts";
import { makeHive } from "./resume-hive.ts";

const HOSTS = ["web-1", "web-2", "db-1"] as const;
const POISON = "poison-5f1c-in-plain-sight";

describe("resumeRun()", { timeout: 120_000 }, () => {
  let sandbox: Sandbox;
  let folder = "";
  let release = 0;
  beforeAll(async () => {
    sandbox = await startSandbox({ hosts: HOSTS });
    const hive = makeHive(words());
    const never = new AbortController().signal;
    await rollOut(hive, { goal: "switch", hosts: hive.hosts, stop: never, leave: never, onEvent: () => undefined });
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "skep-resume-"));
    release += 1;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const rootOf = (host: string): string => sandbox.host(host).root;
  const words = (change: Partial<HiveWords> = {}): HiveWords => ({
    directory: folder,
    targets: Object.fromEntries(sandbox.hosts.map(({ name, target }) => [name, target])),
    release: `v${release}`,
    ...change,
  });

  /** Deploys until something happens, and is killed then. */
  async function deployUntil(
    dies: Readonly<Record<string, string | number>>,
    { goal = "switch", ...change }: Partial<HiveWords> & { readonly goal?: Goal } = {},
  ): Promise<HiveWords> {
    const told = words(change);
    await killOperator(dies, { maker: ["resume-hive.ts", "makeHive"], words: told, options: { goal } });
    return told;
  }
  const journal = (): Promise<JournalRead> => readJournal(folder);
  const events: RolloutEvent[] = [];
  async function resume(told: HiveWords, change: Partial<ResumeRunOptions> = {}): Promise<RolloutReport> {
    const never = new AbortController().signal;
    events.length = 0;
    return resumeRun(makeHive(told), await journal(), {
      ...{ wanted: "finish", verify: false, stop: never, leave: never },
      onEvent: (event) => events.push(event),
      ...change,
    });
  }
  const outcomes = ({ hosts }: RolloutReport): object =>
    Object.fromEntries(hosts.map(({ host, outcome }) => [host, outcome]));
  const reportOf = ({ hosts }: RolloutReport, name: string): HostReport | undefined =>
    hosts.find(({ host }) => host === name);
  const all = (outcome: string): object => Object.fromEntries(HOSTS.map((name) => [name, outcome]));
  const steps = (host: string): string[] =>
    events.flatMap((event) => (event.type === "step-started" && event.host === host ? [event.step] : []));

  /** How often a host activated this release, and how often a run left its record. */
  function doneOn(host: string): { activations: number; records: number } {
    const activations = readFileSync(join(rootOf(host), "var/log/activations"), "utf8").split("\n");
    const records = readdirSync(join(rootOf(host), "var/lib/skep/deployments")).map((name) =>
      readFileSync(join(rootOf(host), "var/lib/skep/deployments", name), "utf8"),
    );
    const to = systemOf(host);
    return {
      activations: activations.filter((line) => line === `v${release}`).length,
      records: records.filter((text) => text.includes(`"to":"${to}"`)).length,
    };
  }
  const systemOf = (host: string): string => runningSystem(sandbox.host(host));
  const profileOf = (host: string): string => defaultSystem(sandbox.host(host));
  function releaseOf(host: string): string {
    let file = join(rootOf(host), "etc/release");
    // Links on a sandbox host are about its own root.
    while (lstatSync(file).isSymbolicLink()) file = join(rootOf(host), readlinkSync(file));
    return readFileSync(file, "utf8");
  }
  function expectAllDeployedOnce(): void {
    for (const host of HOSTS) {
      expect({ host, release: releaseOf(host), boots: profileOf(host) }).toEqual({
        ...{ host, release: `v${release}`, boots: systemOf(host) },
      });
      expect({ host, ...doneOn(host) }).toEqual({ host, activations: 1, records: 1 });
      expect(readdirSync(join(rootOf(host), "run/skep"))).not.toContain("lease");
    }
  }

  it.each([
    { when: "before the copy", dies: { type: "step-started", step: "copy", host: "web-1" } },
    { when: "while the lease is held", dies: { type: "step-finished", step: "lease", host: "web-1" } },
    { when: "before the agent is started", dies: { type: "step-started", step: "test", host: "web-1" } },
    { when: "while it tests", dies: { type: "log", step: "test", host: "web-1" }, slow: 1 },
    { when: "while the agent waits", dies: { type: "step-started", step: "login", host: "web-1" } },
    { when: "before the confirmation", dies: { type: "step-started", step: "commit", host: "web-1" } },
    { when: "after the commit", dies: { type: "step-finished", step: "commit", host: "web-1" } },
    { when: "between two waves", dies: { type: "host-finished", host: "web-1" }, waves: ["web-1"] },
  ])("finishes a run whose operator was killed $when, and does nothing twice", async ({ dies, ...change }) => {
    const { when: _when, ...rest } = change;
    const told = await deployUntil(dies, rest);
    expect((await journal()).state).toBe("broken-off");
    const report = await resume(told);
    expect(outcomes(report)).toEqual(all("deployed"));
    expectAllDeployedOnce();
    expect(await journal()).toMatchObject({ state: "ended", resumptions: [{ type: "resumed" }] });
    expect((await journal()).header.run).toBe(report.run);
  });

  it("does not contact what ended again, and proves what waits over one login", async () => {
    const told = await deployUntil(
      { type: "step-started", step: "login", host: "web-2" },
      { waves: ["web-1", "web-2"] },
    );
    const report = await resume(told);
    expect(outcomes(report)).toEqual(all("deployed"));
    expect(steps("web-1")).toEqual([]);
    expect(steps("web-2")).toEqual(["connect", "probe", "check", "commit"]);
    expect(reportOf(report, "web-2")?.logins).toBe(1);
    expectAllDeployedOnce();
  });

  it("looks at what ended once more when asked to", async () => {
    const told = await deployUntil({ type: "host-finished", host: "web-1" }, { waves: ["web-1"] });
    await resume(told, { verify: true });
    expect(steps("web-1")).toEqual(["connect", "probe"]);
    expectAllDeployedOnce();
  });

  it("can be broken off and resumed again", async () => {
    const told = await deployUntil({ type: "step-started", step: "login", host: "web-1" }, { waves: ["web-1"] });
    const stopped = new AbortController();
    stopped.abort();
    const first = await resume(told, { stop: stopped.signal });
    expect(first.interrupted).toBe(true);
    expect(outcomes(first)).toEqual({ "web-1": "deployed", "web-2": "skipped", "db-1": "skipped" });
    expect((await journal()).state).toBe("interrupted");
    expect(outcomes(await resume(told))).toEqual(all("deployed"));
    expectAllDeployedOnce();
  });

  it("skips what was not begun when it is to begin nothing", async () => {
    const told = await deployUntil({ type: "step-started", step: "login", host: "web-1" }, { waves: ["web-1"] });
    const report = await resume(told, { wanted: "finish-begun" });
    expect(outcomes(report)).toEqual({ "web-1": "deployed", "web-2": "skipped", "db-1": "skipped" });
    expect(reportOf(report, "db-1")).toMatchObject({ reason: "it was not begun, and --no-new was given" });
  });

  it("deploys a host from the start that was rebooted meanwhile", async () => {
    const told = await deployUntil({ type: "step-started", step: "login", host: "web-1" }, { waves: ["web-1"] });
    await sandbox.host("web-1").reboot();
    expect(releaseOf("web-1")).toBe(`v${release - 1}`);
    expect(outcomes(await resume(told))).toEqual(all("deployed"));
    expect(doneOn("web-1")).toEqual({ activations: 2, records: 1 });
  });

  it("says that a host went back that waited in vain, and ends the run as its policy says", async () => {
    const before = systemOf("web-1");
    const change = { waves: ["web-1"], confirmTimeout: "2s" };
    const told = await deployUntil({ type: "step-started", step: "login", host: "web-1" }, change);
    await expect.poll(() => systemOf("web-1"), { timeout: 20_000 }).toBe(before);
    const report = await resume(told);
    expect(outcomes(report)).toEqual({ "web-1": "rolled-back", "web-2": "skipped", "db-1": "skipped" });
    expect(reportOf(report, "web-1")).toMatchObject({ error: { code: "activation/not-confirmed" }, from: before });
    expect(doneOn("web-1").activations).toBe(1);
  });

  it("refuses a host that waits and is not well", async () => {
    const before = systemOf("web-1");
    const change = { waves: ["web-1"], broken: "web-1" };
    const told = await deployUntil({ type: "step-started", step: "login", host: "web-1" }, change);
    const report = await resume(told);
    expect(outcomes(report)).toEqual({ "web-1": "rolled-back", "web-2": "skipped", "db-1": "skipped" });
    expect(reportOf(report, "web-1")).toMatchObject({ error: { code: "health/failed" } });
    expect(systemOf("web-1")).toBe(before);
  });

  it("takes a run back: what was deployed, and what waits", async () => {
    const before = HOSTS.map((host) => [host, systemOf(host)]);
    const change = { waves: ["web-1", "web-2"] };
    const told = await deployUntil({ type: "step-started", step: "login", host: "web-2" }, change);
    expect(releaseOf("web-1")).toBe(`v${release}`);
    const report = await resume(told, { wanted: "revert" });
    expect(outcomes(report)).toEqual({ "web-1": "rolled-back", "web-2": "rolled-back", "db-1": "skipped" });
    for (const host of ["web-1", "web-2"]) {
      expect(reportOf(report, host)).toMatchObject({ error: { code: "rollout/reverted" } });
    }
    expect(HOSTS.map((host) => [host, systemOf(host)])).toEqual(before);
    for (const host of HOSTS) expect(profileOf(host)).toBe(systemOf(host));
  });

  it("sees hosts to their old system that the run was taking back", async () => {
    const before = HOSTS.map((host) => [host, systemOf(host)]);
    const change = { waves: ["web-1", "web-2"], broken: "web-2", onFailure: "revert-run" } as const;
    // The first time is on the way to the new system.
    const told = await deployUntil({ type: "step-started", step: "login", host: "web-1", times: 2 }, change);
    const report = await resume(told);
    expect(outcomes(report)).toEqual({ "web-1": "rolled-back", "web-2": "rolled-back", "db-1": "skipped" });
    expect(reportOf(report, "web-1")).toMatchObject({ error: { code: "rollout/reverted" } });
    expect(steps("web-1")).toEqual(["connect", "probe", "check", "commit"]);
    expect(HOSTS.map((host) => [host, systemOf(host)])).toEqual(before);
    for (const host of HOSTS) expect(profileOf(host)).toBe(systemOf(host));
  });

  it("takes back what its policy takes back, where the operator was killed before", async () => {
    const before = HOSTS.map((host) => [host, systemOf(host)]);
    const change = { waves: ["web-1", "web-2"], broken: "web-2", onFailure: "revert-run" } as const;
    const told = await deployUntil({ type: "step-started", step: "check", host: "web-2" }, change);
    const report = await resume(told);
    expect(outcomes(report)).toEqual({ "web-1": "rolled-back", "web-2": "rolled-back", "db-1": "skipped" });
    expect(HOSTS.map((host) => [host, systemOf(host)])).toEqual(before);
  });

  it("refuses hosts whose system is another than the run began with", async () => {
    const told = await deployUntil({ type: "host-finished", host: "web-1" }, { waves: ["web-1"] });
    const before = systemOf("db-1");
    const report = await resume({ ...told, release: "changed" });
    expect(outcomes(report)).toEqual({ "web-1": "deployed", "web-2": "failed", "db-1": "failed" });
    expect(reportOf(report, "db-1")).toMatchObject({ error: { code: "rollout/hive-changed" } });
    expect(systemOf("db-1")).toBe(before);
  });

  it("tells of hosts that the hive has no more, and finishes the others", async () => {
    const told = await deployUntil({ type: "host-finished", host: "web-1" }, { waves: ["web-1"] });
    const targets = Object.fromEntries(Object.entries(told.targets).filter(([name]) => name !== "db-1"));
    const report = await resume({ ...told, targets });
    expect(outcomes(report)).toEqual({ "web-1": "deployed", "web-2": "deployed", "db-1": "skipped" });
    expect(reportOf(report, "db-1")).toMatchObject({ reason: "the hive has no such host any more" });
    expect((await journal()).report?.hosts).toHaveLength(3);
  });

  it("finishes runs of other goals", async () => {
    const boot = await deployUntil({ type: "step-started", step: "commit", host: "web-1" }, { goal: "boot" });
    expect(outcomes(await resume(boot))).toEqual(all("deployed"));
    rmSync(join(folder, ".skep"), { recursive: true });
    release += 1;
    const test = await deployUntil({ type: "step-started", step: "confirm", host: "web-1" }, { goal: "test" });
    expect(outcomes(await resume(test))).toEqual(all("deployed"));
    for (const host of HOSTS) expect(releaseOf(host)).toBe(`v${release}`);
  });
});

describe("the journal of a run", () => {
  it("holds no secret: not one that is installed, nor one that is refused", { timeout: 60_000 }, async () => {
    await using sandbox = await startSandbox({ hosts: ["db-1"] });
    const directory = mkdtempSync(join(tmpdir(), "skep-poison-"));
    const ended: string[] = [];
    const use = { open: "operator", path: "/etc/db/password", owner: "root" } as const;
    for (const secrets of [{ "db/password": use }, { "db/password": { ...use, owner: "nobody-here" } }]) {
      const host = defineHost({
        target: sandbox.host("db-1").target,
        secrets,
        system: system({ etc: { release: "1" } }),
      });
      const hive = parseHive({ hosts: { "db-1": host } }, { directory });
      const never = new AbortController().signal;
      const plaintext = (): Redacted<Buffer> => new Redacted(Buffer.from(POISON));
      const report = await rollOut(hive, {
        ...{ goal: "switch", hosts: hive.hosts, journal: true, stop: never, leave: never },
        secrets: {
          read: () =>
            Promise.resolve({ open: "operator", plaintext: plaintext(), ciphertext: Buffer.from("sealed") } as never),
        },
        onEvent: () => undefined,
      });
      ended.push(report.hosts[0]?.outcome ?? "");
    }
    expect(ended).toEqual(["deployed", "failed"]);
    const runs = runsFolder({ directory });
    const texts = readdirSync(runs).map((name) => readFileSync(join(runs, name), "utf8"));
    expect(texts).toHaveLength(2);
    expect(texts.filter(isPoisoned)).toEqual([]);
    // It would have been found.
    for (const planted of [POISON, btoa(POISON), Buffer.from(POISON).toString("hex")]) {
      expect(isPoisoned(`${texts[0] ?? ""}{"line":"${planted}"}`)).toBe(true);
    }
    rmSync(directory, { recursive: true });
  });
});

function isPoisoned(text: string): boolean {
  const bytes = Buffer.from(POISON);
  return [POISON, bytes.toString("base64").slice(0, -4), bytes.toString("hex")].some((form) => text.includes(form));
}
