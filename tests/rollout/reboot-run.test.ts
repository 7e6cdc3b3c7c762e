import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OneHost, Release } from "./one-host.ts";
import { startOneHost } from "./one-host.ts";

describe("a run that reboots", { timeout: 60_000 }, () => {
  let web: OneHost;
  beforeEach(async () => {
    web = await startOneHost();
    await web.deploy({ release: "v1" });
  });
  afterEach(() => web[Symbol.asyncDispose]());

  /** Lets the system of a release be one of NixOS that cannot be switched to. */
  async function makeOnlyBootable(release: Release): Promise<void> {
    const { to = "" } = await web.deploy(release, { goal: "push" });
    const refusal = 'echo "not compatible, reboot"; exit 100';
    web.beforeSwitch(to, `if [ "$1" = test ] && [ -z "$SKEP_BOOT" ]; then ${refusal}; fi`);
  }
  const failed = (): string[] => web.events.flatMap((event) => (event.type === "step-failed" ? [event.step] : []));
  const soaks = (): number =>
    web.events.filter((event) => event.type === "step-progress" && event.message === "soaking: all checks pass").length;

  describe("into a system that only a reboot brings", () => {
    it("makes it what boots next, reboots, and proves it then", async () => {
      const before = web.bootId();
      await makeOnlyBootable({ release: "v2", soak: "200ms" });
      const report = await web.deploy({ release: "v2", soak: "200ms" }, { reboot: "if-needed" });
      expect(report).toMatchObject({ outcome: "deployed", logins: 2 });
      expect(web.steps().slice(-3)).toEqual(["test", "commit", "reboot"]);
      expect([web.running(), web.boots(), soaks()]).toEqual([report.to, report.to, 1]);
      expect(web.bootId()).not.toBe(before);
      expect(report.notices.join()).toContain("only a reboot brings the new system");
    });

    it("refuses it where nothing is to be rebooted, and nothing was touched", async () => {
      const [before, system] = [web.bootId(), web.running()];
      await makeOnlyBootable({ release: "v2" });
      const report = await web.deploy({ release: "v2" });
      expect(report).toMatchObject({
        outcome: "failed",
        error: {
          code: "activation/reboot-needed",
          message: "only a reboot brings the new system, and none is to be done",
          hint: expect.stringContaining("--reboot if-needed") as unknown,
        },
      });
      expect([web.running(), web.boots(), web.bootId()]).toEqual([system, system, before]);
      expect(web.events.some((event) => event.type === "log" && event.line.includes("restart"))).toBe(false);
    });

    it("goes back by another reboot when it is not well", async () => {
      const system = web.running();
      await makeOnlyBootable({ release: "v2", illOnceBooted: true });
      const report = await web.deploy({ release: "v2", illOnceBooted: true }, { reboot: "always" });
      expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" } });
      expect(web.steps().slice(-5)).toEqual(["test", "commit", "reboot", "roll-back", "reboot"]);
      expect(failed()).toEqual(["reboot"]);
      expect([web.running(), web.boots()]).toEqual([system, system]);
      expect(readlinkSync(web.inside("run/booted-system"))).toBe(system);
    });

    it("is back at once when it refuses to reboot", async () => {
      const system = web.running();
      await makeOnlyBootable({ release: "v2" });
      const refusing = '#!/bin/sh\n[ "$1" != reboot ] || { echo "Unit reboot.target is masked."; exit 1; }\n';
      writeFileSync(web.inside("run/skep-sandbox/bin/systemctl"), refusing, { mode: 0o755 });
      const report = await web.deploy({ release: "v2" }, { reboot: "if-needed" });
      expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot" } });
      expect([web.running(), web.boots()]).toEqual([system, system]);
    });

    it("gives back what its switch-to-configuration did before it said so", async () => {
      const system = web.running();
      const refused = await web.deploy({ release: "v2", needsReboot: true });
      expect(refused).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-needed" } });
      expect([web.running(), web.boots()]).toEqual([system, system]);
      const report = await web.deploy({ release: "v2", needsReboot: true }, { reboot: "if-needed" });
      expect(report).toMatchObject({ outcome: "deployed" });
      expect([web.running(), web.boots()]).toEqual([report.to, report.to]);
    });

    it("cannot go back where there was nothing before", async () => {
      for (const link of ["run/current-system", "nix/var/nix/profiles/skep"]) rmSync(web.inside(link));
      await makeOnlyBootable({ release: "v2", illOnceBooted: true });
      const report = await web.deploy({ release: "v2", illOnceBooted: true }, { reboot: "if-needed" });
      expect(report).toMatchObject({ outcome: "stranded", error: { code: "activation/reboot-unwell" } });
    });
  });

  it("goes back from a system that was well until its reboot", async () => {
    const system = web.running();
    const report = await web.deploy({ release: "v2", illOnceBooted: true }, { reboot: "always" });
    expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" } });
    expect([web.running(), web.boots()]).toEqual([system, system]);
  });

  it("does not soak again what soaked before its commit", async () => {
    expect(await web.deploy({ release: "v2", soak: "200ms" }, { reboot: "always" })).toMatchObject({
      outcome: "deployed",
    });
    expect(soaks()).toBe(1);
    expect(web.steps().slice(-3)).toEqual(["check", "commit", "reboot"]);
  });

  it("soaks what it activates by the reboot alone, and knows what was ill before", async () => {
    const words = { illAnyway: true, soak: "200ms" };
    const report = await web.deploy({ release: "v2", ...words }, { goal: "boot", reboot: "always" });
    expect(report).toMatchObject({ outcome: "deployed", to: web.running() });
    expect(report.notices.join()).toContain("does not pass, and did not before the deployment");
    expect(soaks()).toBe(1);
  });

  it("brings the secrets again that only the operator opens, before the checks", async () => {
    expect(await web.deploy({ release: "v2", secret: true })).toMatchObject({ outcome: "deployed" });
    const report = await web.deploy({ release: "v3", secret: true }, { reboot: "always" });
    expect(report).toMatchObject({ outcome: "deployed", notices: [] });
    expect(readFileSync(web.inside("run/skep/secrets/db/password"), "utf8")).toBe("from the operator");
    const record = readFileSync(web.inside(`var/lib/skep/deployments/${web.run()}.json`), "utf8");
    expect(JSON.parse(record)).toMatchObject({ goal: "switch", from: report.from, to: report.to });
  });
});
