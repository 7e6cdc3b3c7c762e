import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostReport, ResumeRunOptions, RolloutEvent, RollOutOptions } from "#rollout";
import { resumeRun, rollOut } from "#rollout";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { bootIdOf, defaultSystem, runningSystem } from "../sandbox/systems-of-host.ts";
import { killOperator, readJournal } from "./killed-operator.ts";
import { operatorSecrets } from "./operator-secrets.ts";
import type { RebootWords } from "./reboot-hive.ts";
import { makeRebootHive } from "./reboot-hive.ts";

describe("resumeRun() of a run that reboots", { timeout: 120_000 }, () => {
  let sandbox: Sandbox;
  let machine: SandboxHost;
  let directory = "";
  let old = "";
  const events: RolloutEvent[] = [];
  beforeEach(async () => {
    sandbox = await startSandbox({ hosts: ["web-1"] });
    machine = sandbox.host("web-1");
    directory = mkdtempSync(join(tmpdir(), "skep-resume-reboot-"));
    const hive = makeRebootHive(words({ release: "v1" }));
    const never = new AbortController().signal;
    await rollOut(hive, { goal: "switch", hosts: hive.hosts, stop: never, leave: never, onEvent: () => undefined });
    old = runs();
  });
  afterEach(async () => {
    await sandbox[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const words = (change: Partial<RebootWords> = {}): RebootWords => ({
    ...{ directory, target: machine.target, release: "v2" },
    ...change,
  });
  const bootId = (): string => bootIdOf(machine);
  const runs = (): string => runningSystem(machine);
  const boots = (): string => defaultSystem(machine);
  const steps = (): string[] => events.flatMap((event) => (event.type === "step-started" ? [event.step] : []));

  /** Deploys until something happens, and is killed then. */
  async function deployUntil(
    dies: Readonly<Record<string, string | number>>,
    { reboot = "always", ...change }: Partial<RebootWords> & Partial<Pick<RollOutOptions, "reboot">> = {},
  ): Promise<RebootWords> {
    const told = words(change);
    await killOperator(dies, { maker: ["reboot-hive.ts", "makeRebootHive"], words: told, options: { reboot } });
    return told;
  }
  async function resume(told: RebootWords, change: Partial<ResumeRunOptions> = {}): Promise<HostReport> {
    const never = new AbortController().signal;
    events.length = 0;
    const report = await resumeRun(makeRebootHive(told), await readJournal(directory), {
      ...{ wanted: "finish", verify: false, stop: never, leave: never },
      secrets: operatorSecrets,
      onEvent: (event) => events.push(event),
      ...change,
    });
    const [host] = report.hosts;
    if (host === undefined) throw new Error("there is no report");
    return host;
  }
  /** Waits for a reboot that somebody asked for. */
  async function rebooted(from: string): Promise<void> {
    await expect.poll(() => bootIdOr(from), { timeout: 20_000 }).not.toBe(from);
    await expect.poll(() => runsOr(), { timeout: 20_000 }).not.toBe("");
  }
  const bootIdOr = (none: string): string => tryOr(bootId, none);
  const runsOr = (): string => tryOr(runs, "");

  it.each([
    { when: "before it was asked", dies: { type: "step-started", step: "reboot" } },
    { when: "while it goes down", dies: { type: "step-progress", step: "reboot" } },
    { when: "when it is committed", dies: { type: "step-finished", step: "commit" } },
  ])("reboots a host, once, whose operator was killed $when", async ({ dies }) => {
    const before = bootId();
    const told = await deployUntil(dies);
    expect(await resume(told)).toMatchObject({ outcome: "deployed", from: old, to: runs() });
    expect(steps().slice(0, 3)).toEqual(["connect", "probe", "reboot"]);
    expect(boots()).toBe(runs());
    expect(bootId()).not.toBe(before);
    expect(readlinkSync(join(machine.root, "run/booted-system"))).toBe(runs());
    expect(readdirSync(join(machine.root, "run/skep"))).not.toContain("lease");
  });

  it("proves a host that came back from its reboot meanwhile, and reboots it no more", async () => {
    const before = bootId();
    const told = await deployUntil({ type: "step-progress", step: "reboot" }, { secret: true });
    await rebooted(before);
    const booted = bootId();
    expect(await resume(told)).toMatchObject({ outcome: "deployed", from: old, to: runs() });
    expect(bootId()).toBe(booted);
    expect(readFileSync(join(machine.root, "run/skep/secrets/db/password"), "utf8")).toBe("from the operator");
  });

  it("takes a host back that came up ill", async () => {
    const before = bootId();
    const told = await deployUntil({ type: "step-progress", step: "reboot" }, { illOnceBooted: true });
    await rebooted(before);
    const report = await resume(told);
    expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" }, from: old });
    expect([runs(), boots()]).toEqual([old, old]);
  });

  it.each([
    { when: "before what it ran is the default again", dies: { type: "step-started", step: "roll-back" } },
    { when: "when it is", dies: { type: "step-finished", step: "roll-back" } },
    {
      when: "while it reboots into it",
      dies: { type: "step-progress", step: "reboot", message: "waiting for it to go down", times: 2 },
    },
  ])("sees a host back whose operator was killed $when", async ({ dies }) => {
    const told = await deployUntil(dies, { illOnceBooted: true });
    const report = await resume(told);
    expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" } });
    expect([runs(), boots()]).toEqual([old, old]);
    expect(report).toMatchObject({ from: old });
  });

  it("strands a host that did not come back in time, and says since when", async () => {
    const told = await deployUntil({ type: "step-started", step: "reboot" });
    const { file } = await readJournal(directory);
    const lines = readFileSync(file, "utf8").split("\n");
    const past = lines.map((line) =>
      line.includes('"step":"reboot"') ? line.replace(/"at":(\d+)/, (_, at) => `"at":${Number(at) - 3_600_000}`) : line,
    );
    writeFileSync(file, past.join("\n"));
    using _refused = machine.faults.refuseLogins();
    expect(await resume(told)).toMatchObject({
      outcome: "stranded",
      error: {
        code: "activation/reboot-not-back",
        message: expect.stringMatching(/since it was asked to reboot 1 h 00 min ago: /) as unknown,
      },
    });
  });

  it("judges by what was ill before, which another operator saw", async () => {
    const told = await deployUntil({ type: "step-started", step: "check" }, { reboot: "never", illAnyway: true });
    const report = await resume(told);
    expect(report).toMatchObject({ outcome: "deployed" });
    expect(report.notices.join()).toContain("does not pass, and did not before the deployment");
  });

  it("takes back what was to run from a reboot on that did not come", async () => {
    const told = await deployUntil({ type: "step-finished", step: "commit" }, { needsReboot: true });
    expect([runs(), boots() === old]).toEqual([old, false]);
    const before = bootId();
    expect(await resume(told, { wanted: "revert" })).toMatchObject({ outcome: "rolled-back" });
    expect([runs(), boots(), bootId()]).toEqual([old, old, before]);
  });

  it("does not reboot what is to be taken back", async () => {
    const told = await deployUntil({ type: "step-finished", step: "commit" });
    expect(await resume(told, { wanted: "revert" })).toMatchObject({ outcome: "rolled-back" });
    expect([runs(), boots()]).toEqual([old, old]);
    expect(steps().indexOf("reboot")).toBe(steps().lastIndexOf("commit") + 1);
  });
});

function tryOr(read: () => string, otherwise: string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
