import { mkdtempSync, readFileSync, readlinkSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostReport, RollOutOptions, RolloutEvent } from "#rollout";
import { rollOut } from "#rollout";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { bootIdOf, defaultSystem, runningSystem } from "../sandbox/systems-of-host.ts";
import { operatorSecrets } from "./operator-secrets.ts";
import type { RebootWords } from "./reboot-hive.ts";
import { makeRebootHive } from "./reboot-hive.ts";

describe("a run that reboots", { timeout: 60_000 }, () => {
  let sandbox: Sandbox;
  let machine: SandboxHost;
  let directory = "";
  const events: RolloutEvent[] = [];
  beforeEach(async () => {
    sandbox = await startSandbox({ hosts: ["web-1"] });
    machine = sandbox.host("web-1");
    directory = mkdtempSync(join(tmpdir(), "skep-reboot-run-"));
    await deploy({ release: "v1" });
  });
  afterEach(async () => {
    await sandbox[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  async function deploy(
    words: Partial<RebootWords> & { readonly release: string },
    options: Partial<RollOutOptions> = {},
  ): Promise<HostReport> {
    const hive = makeRebootHive({ directory, target: machine.target, ...words });
    const never = new AbortController().signal;
    events.length = 0;
    const report = await rollOut(hive, {
      ...{ goal: "switch", hosts: hive.hosts, stop: never, leave: never, secrets: operatorSecrets },
      onEvent: (event) => events.push(event),
      ...options,
    });
    const [host] = report.hosts;
    if (host === undefined) throw new Error("there is no report");
    return host;
  }
  /** Lets the system that `words` mean be one of NixOS that cannot be switched to. */
  async function makeOnlyBootable(words: Partial<RebootWords> & { readonly release: string }): Promise<void> {
    const { to = "" } = await deploy(words, { goal: "push" });
    const program = join(machine.root, to, "bin/switch-to-configuration");
    const folder = realpathSync(dirname(program));
    renameSync(program, join(folder, "switch"));
    const refuse = 'if [ "$1" = test ] && [ -z "$SKEP_BOOT" ]; then echo "not compatible, reboot"; exit 100; fi';
    writeFileSync(program, `#!/bin/sh\n${refuse}\nexec "\${0%/*}/switch" "$@"\n`, { mode: 0o755 });
  }
  const bootId = (): string => bootIdOf(machine);
  const runs = (): string => runningSystem(machine);
  const boots = (): string => defaultSystem(machine);
  const steps = (): string[] => events.flatMap((event) => (event.type === "step-started" ? [event.step] : []));
  const failed = (): string[] => events.flatMap((event) => (event.type === "step-failed" ? [event.step] : []));
  const soaks = (): number =>
    events.filter((event) => event.type === "step-progress" && event.message === "soaking: all checks pass").length;

  describe("into a system that only a reboot brings", () => {
    it("makes it what boots next, reboots, and proves it then", async () => {
      const before = bootId();
      await makeOnlyBootable({ release: "v2", soak: "200ms" });
      const report = await deploy({ release: "v2", soak: "200ms" }, { reboot: "if-needed" });
      expect(report).toMatchObject({ outcome: "deployed", logins: 2 });
      expect(steps().slice(-3)).toEqual(["test", "commit", "reboot"]);
      expect([runs(), boots(), soaks()]).toEqual([report.to, report.to, 1]);
      expect(bootId()).not.toBe(before);
      expect(report.notices.join()).toContain("only a reboot brings the new system");
    });

    it("refuses it where nothing is to be rebooted, and nothing was touched", async () => {
      const [before, system] = [bootId(), runs()];
      await makeOnlyBootable({ release: "v2" });
      const report = await deploy({ release: "v2" });
      expect(report).toMatchObject({
        outcome: "failed",
        error: {
          code: "activation/reboot-needed",
          message: "only a reboot brings the new system, and none is to be done",
          hint: expect.stringContaining("--reboot if-needed") as unknown,
        },
      });
      expect([runs(), boots(), bootId()]).toEqual([system, system, before]);
      expect(events.some((event) => event.type === "log" && event.line.includes("restart"))).toBe(false);
    });

    it("goes back by another reboot when it is not well", async () => {
      const system = runs();
      await makeOnlyBootable({ release: "v2", illOnceBooted: true });
      const report = await deploy({ release: "v2", illOnceBooted: true }, { reboot: "always" });
      expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" } });
      expect(steps().slice(-5)).toEqual(["test", "commit", "reboot", "roll-back", "reboot"]);
      expect(failed()).toEqual(["reboot"]);
      expect([runs(), boots()]).toEqual([system, system]);
      expect(readlinkSync(join(machine.root, "run/booted-system"))).toBe(system);
    });

    it("is back at once when it refuses to reboot", async () => {
      const system = runs();
      await makeOnlyBootable({ release: "v2" });
      const refusing = '#!/bin/sh\n[ "$1" != reboot ] || { echo "Unit reboot.target is masked."; exit 1; }\n';
      writeFileSync(join(machine.root, "run/skep-sandbox/bin/systemctl"), refusing, { mode: 0o755 });
      const report = await deploy({ release: "v2" }, { reboot: "if-needed" });
      expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot" } });
      expect([runs(), boots()]).toEqual([system, system]);
    });

    it("gives back what its switch-to-configuration did before it said so", async () => {
      const system = runs();
      const refused = await deploy({ release: "v2", needsReboot: true });
      expect(refused).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-needed" } });
      expect([runs(), boots()]).toEqual([system, system]);
      const report = await deploy({ release: "v2", needsReboot: true }, { reboot: "if-needed" });
      expect(report).toMatchObject({ outcome: "deployed" });
      expect([runs(), boots()]).toEqual([report.to, report.to]);
    });

    it("cannot go back where there was nothing before", async () => {
      for (const link of ["run/current-system", "nix/var/nix/profiles/skep"]) rmSync(join(machine.root, link));
      await makeOnlyBootable({ release: "v2", illOnceBooted: true });
      const report = await deploy({ release: "v2", illOnceBooted: true }, { reboot: "if-needed" });
      expect(report).toMatchObject({ outcome: "stranded", error: { code: "activation/reboot-unwell" } });
    });
  });

  it("goes back from a system that was well until its reboot", async () => {
    const system = runs();
    const report = await deploy({ release: "v2", illOnceBooted: true }, { reboot: "always" });
    expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" } });
    expect([runs(), boots()]).toEqual([system, system]);
  });

  it("does not soak again what soaked before its commit", async () => {
    expect(await deploy({ release: "v2", soak: "200ms" }, { reboot: "always" })).toMatchObject({ outcome: "deployed" });
    expect(soaks()).toBe(1);
    expect(steps().slice(-3)).toEqual(["check", "commit", "reboot"]);
  });

  it("soaks what it activates by the reboot alone, and knows what was ill before", async () => {
    const words = { illAnyway: true, soak: "200ms" };
    const report = await deploy({ release: "v2", ...words }, { goal: "boot", reboot: "always" });
    expect(report).toMatchObject({ outcome: "deployed", to: runs() });
    expect(report.notices.join()).toContain("does not pass, and did not before the deployment");
    expect(soaks()).toBe(1);
  });

  it("brings the secrets again that only the operator opens, before the checks", async () => {
    expect(await deploy({ release: "v2", secret: true })).toMatchObject({ outcome: "deployed" });
    const report = await deploy({ release: "v3", secret: true }, { reboot: "always" });
    expect(report).toMatchObject({ outcome: "deployed", notices: [] });
    expect(readFileSync(join(machine.root, "run/skep/secrets/db/password"), "utf8")).toBe("from the operator");
    const record = readFileSync(join(machine.root, "var/lib/skep/deployments", `${lastRun()}.json`), "utf8");
    expect(JSON.parse(record)).toMatchObject({ goal: "switch", from: report.from, to: report.to });
  });
  const lastRun = (): string => events.flatMap((event) => (event.type === "run-started" ? [event.run] : [])).join();
});
