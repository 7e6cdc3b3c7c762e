import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RollOutOptions } from "#rollout";
import { killOperator, readJournal } from "./killed-operator.ts";
import type { OneHost, Release } from "./one-host.ts";
import { startOneHost } from "./one-host.ts";

describe("resumeRun() of a run that reboots", { timeout: 120_000 }, () => {
  let web: OneHost;
  let old = "";
  beforeEach(async () => {
    web = await startOneHost();
    await web.deploy({ release: "v1" });
    old = web.running();
  });
  afterEach(() => web[Symbol.asyncDispose]());

  /** Deploys until something happens, and is killed then. */
  async function deployUntil(
    dies: Readonly<Record<string, string | number>>,
    { reboot = "always", ...change }: Partial<Release> & Partial<Pick<RollOutOptions, "reboot">> = {},
  ): Promise<Release> {
    const release = { release: "v2", ...change };
    const order = {
      maker: ["reboot-hive.ts", "makeRebootHive"],
      words: web.words(release),
      options: { reboot },
    } as const;
    await killOperator(dies, order);
    return release;
  }
  /** Waits for a reboot that somebody asked for. */
  async function rebooted(from: string): Promise<void> {
    await expect.poll(() => bootIdOr(from), { timeout: 20_000 }).not.toBe(from);
    await expect.poll(() => runsOr(), { timeout: 20_000 }).not.toBe("");
  }
  const bootIdOr = (none: string): string => tryOr(() => web.bootId(), none);
  const runsOr = (): string => tryOr(() => web.running(), "");

  it.each([
    { when: "before it was asked", dies: { type: "step-started", step: "reboot" } },
    { when: "while it goes down", dies: { type: "step-progress", step: "reboot" } },
    { when: "when it is committed", dies: { type: "step-finished", step: "commit" } },
  ])("reboots a host, once, whose operator was killed $when", async ({ dies }) => {
    const before = web.bootId();
    const told = await deployUntil(dies);
    expect(await web.resume(told)).toMatchObject({ outcome: "deployed", from: old, to: web.running() });
    expect(web.steps().slice(0, 3)).toEqual(["connect", "probe", "reboot"]);
    expect(web.boots()).toBe(web.running());
    expect(web.bootId()).not.toBe(before);
    expect(readlinkSync(web.inside("run/booted-system"))).toBe(web.running());
    expect(readdirSync(web.inside("run/skep"))).not.toContain("lease");
  });

  it("proves a host that came back from its reboot meanwhile, and reboots it no more", async () => {
    const before = web.bootId();
    const told = await deployUntil({ type: "step-progress", step: "reboot" }, { secret: true });
    await rebooted(before);
    const booted = web.bootId();
    expect(await web.resume(told)).toMatchObject({ outcome: "deployed", from: old, to: web.running() });
    expect(web.bootId()).toBe(booted);
    expect(readFileSync(web.inside("run/skep/secrets/db/password"), "utf8")).toBe("from the operator");
  });

  it("takes a host back that came up ill", async () => {
    const before = web.bootId();
    const told = await deployUntil({ type: "step-progress", step: "reboot" }, { illOnceBooted: true });
    await rebooted(before);
    const report = await web.resume(told);
    expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" }, from: old });
    expect([web.running(), web.boots()]).toEqual([old, old]);
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
    const report = await web.resume(told);
    expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" } });
    expect([web.running(), web.boots()]).toEqual([old, old]);
    expect(report).toMatchObject({ from: old });
  });

  it("strands a host that did not come back in time, and says since when", async () => {
    const told = await deployUntil({ type: "step-started", step: "reboot" });
    const { file } = await readJournal(web.directory);
    const lines = readFileSync(file, "utf8").split("\n");
    const past = lines.map((line) =>
      line.includes('"step":"reboot"') ? line.replace(/"at":(\d+)/, (_, at) => `"at":${Number(at) - 3_600_000}`) : line,
    );
    writeFileSync(file, past.join("\n"));
    using _refused = web.machine.faults.refuseLogins();
    expect(await web.resume(told)).toMatchObject({
      outcome: "stranded",
      error: {
        code: "activation/reboot-not-back",
        message: expect.stringMatching(/since it was asked to reboot 1 h 00 min ago: /) as unknown,
      },
    });
  });

  it("judges by what was ill before, which another operator saw", async () => {
    const told = await deployUntil({ type: "step-started", step: "check" }, { reboot: "never", illAnyway: true });
    const report = await web.resume(told);
    expect(report).toMatchObject({ outcome: "deployed" });
    expect(report.notices.join()).toContain("does not pass, and did not before the deployment");
  });

  it("takes back what was to run from a reboot on that did not come", async () => {
    const told = await deployUntil({ type: "step-finished", step: "commit" }, { needsReboot: true });
    expect([web.running(), web.boots() === old]).toEqual([old, false]);
    const before = web.bootId();
    expect(await web.resume(told, { wanted: "revert" })).toMatchObject({ outcome: "rolled-back" });
    expect([web.running(), web.boots(), web.bootId()]).toEqual([old, old, before]);
  });

  it("does not reboot what is to be taken back", async () => {
    const told = await deployUntil({ type: "step-finished", step: "commit" });
    expect(await web.resume(told, { wanted: "revert" })).toMatchObject({ outcome: "rolled-back" });
    expect([web.running(), web.boots()]).toEqual([old, old]);
    expect(web.steps().indexOf("reboot")).toBe(web.steps().lastIndexOf("commit") + 1);
  });
});

function tryOr(read: () => string, otherwise: string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
