import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Goal } from "#hive";
import { startOperator } from "./killed-operator.ts";
import type { OneHost } from "./one-host.ts";
import { startOneHost } from "./one-host.ts";

const BOOT_UNIT = "etc/systemd/system/skep-boot.service";

describe("a commit that power was lost in", { timeout: 60_000 }, () => {
  let web: OneHost;
  let old = "";
  beforeEach(async () => {
    web = await startOneHost();
    old = (await web.deploy({ release: "v1" })).to ?? "";
    expect(isCut()).toBe(false);
    // As a boot loader does, it names one system, and another only once that is written to it.
    const unit = readFileSync(web.inside(BOOT_UNIT), "utf8");
    writeFileSync(web.inside(BOOT_UNIT), unit.replaceAll("/nix/var/nix/profiles/skep/bin", `${old}/bin`));
  });
  afterEach(() => web[Symbol.asyncDispose]());

  const isCut = (): boolean => existsSync(web.inside("var/lib/skep/committing"));
  const systems = (): object => ({ runs: web.running(), boots: web.boots() });

  /** Deploys until the boot loader is being written, and cuts the power. @returns the system that was on its way. */
  async function cutPower(release: string, goal: Goal): Promise<string> {
    const { to: wanted = "" } = await web.deploy({ release }, { goal: "push" });
    const hang = `[ "$1" != boot ] || { : >"$SKEP_ROOT/etc/writing"; while :; do sleep 1; done; }`;
    const goOn = web.beforeSwitch(wanted, hang);
    // Their machine loses its power with the host's.
    const maker = ["reboot-hive.ts", "makeRebootHive"] as const;
    const operator = startOperator({ maker, words: web.words({ release }), options: { goal } });
    await expect.poll(() => existsSync(web.inside("etc/writing")), { timeout: 30_000 }).toBe(true);
    operator.kill("SIGKILL");
    await once(operator, "close");
    await web.machine.reboot();
    goOn();
    expect(systems()).toEqual({ runs: old, boots: wanted });
    return wanted;
  }

  it.each(["boot", "switch"] as const)(
    "is done again by the next deployment with the goal %s, and told",
    async (goal) => {
      const wanted = await cutPower("v2", goal);
      const report = await web.deploy({ release: "v2" }, { goal });
      expect(report).toMatchObject({ outcome: "deployed" });
      expect(report.notices.join()).toMatch(/was cut short while it made \S+ the default: its profile names/);
      expect(isCut()).toBe(false);
      await web.machine.reboot();
      expect(systems()).toEqual({ runs: wanted, boots: wanted });
      expect(await web.deploy({ release: "v2" }, { goal })).toMatchObject({ outcome: "unchanged" });
    },
  );

  it("is done again by skep resume", async () => {
    const wanted = await cutPower("v2", "boot");
    expect(await web.resume({ release: "v2" })).toMatchObject({ outcome: "deployed" });
    await web.machine.reboot();
    expect(web.running()).toBe(wanted);
  });

  it("is undone by a deployment of what it was to replace", async () => {
    await cutPower("v2", "switch");
    expect(await web.deploy({ release: "v1" })).toMatchObject({ outcome: "deployed", to: old });
    expect({ ...systems(), cut: isCut() }).toEqual({ runs: old, boots: old, cut: false });
  });
});
