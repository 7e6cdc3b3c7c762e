import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Goal } from "#hive";
import type { HostReport } from "#rollout";
import { resumeRun, rollOut } from "#rollout";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { defaultSystem, runningSystem } from "../sandbox/systems-of-host.ts";
import { readJournal, startOperator } from "./killed-operator.ts";
import type { RebootWords } from "./reboot-hive.ts";
import { makeRebootHive } from "./reboot-hive.ts";

const BOOT_UNIT = "etc/systemd/system/skep-boot.service";

describe("a commit that power was lost in", { timeout: 60_000 }, () => {
  let sandbox: Sandbox;
  let machine: SandboxHost;
  let directory = "";
  let old = "";
  beforeEach(async () => {
    sandbox = await startSandbox({ hosts: ["web-1"] });
    machine = sandbox.host("web-1");
    directory = mkdtempSync(join(tmpdir(), "skep-cut-"));
    old = (await deploy("v1"))?.to ?? "";
    expect(existsSync(marker())).toBe(false);
    // As a boot loader does, it names one system, and another only once that is written to it.
    const unit = readFileSync(inside(BOOT_UNIT), "utf8");
    writeFileSync(inside(BOOT_UNIT), unit.replaceAll("/nix/var/nix/profiles/skep/bin", `${old}/bin`));
  });
  afterEach(async () => {
    await sandbox[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const inside = (path: string): string => join(machine.root, path);
  const marker = (): string => inside("var/lib/skep/committing");
  const runs = (): string => runningSystem(machine);
  const boots = (): string => defaultSystem(machine);
  const words = (release: string): RebootWords => ({ directory, target: machine.target, release });
  async function deploy(release: string, goal: Goal = "switch"): Promise<HostReport | undefined> {
    const hive = makeRebootHive(words(release));
    const never = new AbortController().signal;
    const options = { goal, hosts: hive.hosts, stop: never, leave: never, onEvent: () => undefined };
    return (await rollOut(hive, options)).hosts[0];
  }

  /** Deploys until the boot loader is being written, and cuts the power. @returns the system that was on its way. */
  async function cutPower(release: string, goal: Goal): Promise<string> {
    const wanted = (await deploy(release, "push"))?.to ?? "";
    const program = inside(`${wanted}/bin/switch-to-configuration`);
    const real = join(realpathSync(dirname(program)), "switch");
    renameSync(program, real);
    const hang = `[ "$1" != boot ] || { : >"$SKEP_ROOT/etc/writing"; while :; do sleep 1; done; }`;
    writeFileSync(program, `#!/bin/sh\n${hang}\nexec "\${0%/*}/switch" "$@"\n`, { mode: 0o755 });
    // Their machine loses its power with the host's.
    const maker = ["reboot-hive.ts", "makeRebootHive"] as const;
    const operator = startOperator({ maker, words: words(release), options: { goal } });
    await expect.poll(() => existsSync(inside("etc/writing")), { timeout: 30_000 }).toBe(true);
    operator.kill("SIGKILL");
    await once(operator, "close");
    await machine.reboot();
    renameSync(real, program);
    expect({ runs: runs(), boots: boots() }).toEqual({ runs: old, boots: wanted });
    return wanted;
  }

  it.each(["boot", "switch"] as const)(
    "is done again by the next deployment with the goal %s, and told",
    async (goal) => {
      const wanted = await cutPower("v2", goal);
      const report = await deploy("v2", goal);
      expect(report).toMatchObject({ outcome: "deployed" });
      expect(report?.notices.join()).toMatch(/was cut short while it made \S+ the default: its profile names/);
      expect(existsSync(marker())).toBe(false);
      await machine.reboot();
      expect({ runs: runs(), boots: boots() }).toEqual({ runs: wanted, boots: wanted });
      expect(await deploy("v2", goal)).toMatchObject({ outcome: "unchanged" });
    },
  );

  it("is done again by skep resume", async () => {
    const wanted = await cutPower("v2", "boot");
    const journal = await readJournal(directory);
    const never = new AbortController().signal;
    const options = { wanted: "finish", verify: false, stop: never, leave: never, onEvent: () => undefined } as const;
    const report = await resumeRun(makeRebootHive(words("v2")), journal, options);
    expect(report.hosts).toMatchObject([{ outcome: "deployed" }]);
    await machine.reboot();
    expect(runs()).toBe(wanted);
  });

  it("is undone by a deployment of what it was to replace", async () => {
    await cutPower("v2", "switch");
    expect(await deploy("v1")).toMatchObject({ outcome: "deployed", to: old });
    expect({ runs: runs(), boots: boots(), cut: existsSync(marker()) }).toEqual({ runs: old, boots: old, cut: false });
  });
});
