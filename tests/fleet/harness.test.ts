import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fleet, FleetHost, Systems } from "./harness/index.ts";
import { fleetUnavailable, must, run, startFleet, waitUntil, writeSystems } from "./harness/index.ts";
import { mountsBelow } from "./harness/disk.ts";
import { sweepStaleFleets } from "./harness/run-record.ts";

const PROFILE = "/nix/var/nix/profiles/skep";
const FLAKES = ["--extra-experimental-features", "nix-command flakes"];

describe.skipIf(fleetUnavailable() !== undefined)("a fleet", () => {
  let fleet: Fleet;
  let systems: Systems;
  let web1: FleetHost;
  let web2: FleetHost;
  let db1: FleetHost;

  beforeAll(async () => {
    fleet = await startFleet([
      { name: "web-1", suite: "bookworm" },
      { name: "web-2", suite: "bookworm", disk: "200M" },
      { name: "db-1", suite: "trixie", nixos: true },
    ]);
    [web1, web2, db1] = [fleet.host("web-1"), fleet.host("web-2"), fleet.host("db-1")];
    systems = await writeSystems(join(fleet.folder, "systems"), {
      v1: { version: "v1" },
      v2: { version: "v2" },
      heavy: { version: "heavy", ballastMiB: 40 },
      nixos: { version: "24.11", nixos: true },
      unhealthy: { version: "v3", fault: "unhealthy" },
      "exit-4": { version: "v3", fault: "exit-4" },
      "unit-fails": { version: "v3", fault: "unit-fails" },
      hang: { version: "v3", fault: "hang" },
      "cut-network": { version: "v3", fault: "cut-network" },
      "boot-fails": { version: "v3", fault: "boot-fails" },
      "eval-error": { version: "v3", fault: "eval-error" },
      "eval-type-error": { version: "v3", fault: "eval-type-error" },
      "build-error": { version: "v3", fault: "build-error" },
    });
  });

  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
  });

  const build = async (system: string): Promise<string> => systems.build(system, fleet);
  const copy = async (host: FleetHost, path: string): Promise<string> =>
    must(["nix-copy-closure", "--to", host.name, path], { env: fleet.environment });
  const bring = async (host: FleetHost, system: string): Promise<string> => {
    const toplevel = await build(system);
    await copy(host, toplevel);
    return toplevel;
  };
  const runningOn = async (host: FleetHost): Promise<string> => host.read(["readlink", "/run/current-system"]);

  it("logs in as root and as deploy, and passes an argv as it is", async () => {
    const words = ["a b", "it's", "$HOME", "", "*"];
    for (const host of fleet.hosts) {
      const { stdout } = await host.ssh(["printf", "[%s]", ...words]);
      expect(stdout).toBe(words.map((word) => `[${word}]`).join(""));
      expect((await host.ssh(["sudo", "id", "-un"], { user: "deploy" })).stdout).toBe("root\n");
      expect(await host.read(["hostname"])).toBe(host.name);
    }
  });

  it("has Nix 2.8.0 on bookworm and 2.26.3 on trixie", async () => {
    const versions = await Promise.all(
      fleet.hosts.map(async (host) => (await host.ssh(["nix-store", "--version"])).stdout),
    );
    expect(versions.map((line) => line.trim())).toEqual([
      "nix-store (Nix) 2.8.0",
      "nix-store (Nix) 2.8.0",
      "nix-store (Nix) 2.26.3",
    ]);
  });

  it("keeps the hosts' units apart", async () => {
    await web1.read(["systemd-run", "--unit=only-here", "sleep", "60"]);
    expect((await web1.inside(["systemctl", "is-active", "only-here"])).stdout).toBe("active\n");
    expect((await web2.inside(["systemctl", "is-active", "only-here"])).stdout).toBe("inactive\n");
    const groups = await web2.read(["find", "/sys/fs/cgroup", "-name", "only-here*"]);
    expect(groups).toBe("");
  });

  it("reboots while commands still run within it, which systemd stops before it ends them", async () => {
    const before = await db1.bootId();
    const held = Array.from({ length: 8 }, async () => db1.inside(["sleep", "300"]));
    await db1.reboot();
    expect(await db1.bootId()).not.toBe(before);
    for (const { exitCode } of await Promise.all(held)) expect(exitCode).not.toBe(0);
  });

  it("reboots into another boot, and keeps what is on the disk", async () => {
    const before = await db1.bootId();
    await db1.read(["sh", "-c", "echo kept > /var/kept; echo gone > /run/gone"]);
    await db1.reboot();
    expect(await db1.bootId()).not.toBe(before);
    expect(await db1.read(["cat", "/var/kept"])).toBe("kept");
    expect((await db1.inside(["test", "-e", "/run/gone"])).exitCode).toBe(1);
    expect((await db1.ssh(["true"])).exitCode).toBe(0);
  });

  it("loses its power and comes back", async () => {
    await web1.powerOff();
    expect((await web1.ssh(["true"])).exitCode).toBe(255);
    await expect(web1.inside(["true"])).rejects.toThrow("web-1 is off");
    await web1.powerOn();
    expect((await web1.ssh(["true"])).exitCode).toBe(0);
  });

  it("loses its network and gets it back, and can be entered meanwhile", async () => {
    await web1.cutNetwork();
    expect((await web1.ssh(["true"])).exitCode).toBe(255);
    expect(await web1.read(["hostname"])).toBe("web-1");
    expect((await web2.ssh(["true"])).exitCode).toBe(0);
    await web1.restoreNetwork();
    expect((await web1.ssh(["true"])).exitCode).toBe(0);
  });

  it("reaches one host through another", async () => {
    const { exitCode } = await run(["ssh", "-F", fleet.client.configFile, "-J", "web-1", "db-1", "true"]);
    expect(exitCode).toBe(0);
  });

  it("fills a small disk and frees it", async () => {
    const heavy = await build("heavy");
    await web2.fillDisk({ leaveBytes: 10_000_000 });
    await expect(copy(web2, heavy)).rejects.toThrow(/No space left on device/);
    await web2.freeDisk();
    await copy(web2, heavy);
    await expect(web1.fillDisk()).rejects.toThrow("no disk of its own");
  });

  describe("with systems under test", () => {
    it("builds the same system through the flake, the file and by its store path", async () => {
      const file = await build("v1");
      const attribute = "nixosConfigurations.v1.config.system.build.toplevel.outPath";
      const argv = ["nix", ...FLAKES, "eval", "--raw", `${systems.flake}#${attribute}`] as const;
      expect(await must(argv, { env: fleet.environment })).toBe(file);
      const closure = await must(["nix-store", "--query", "--requisites", file], { env: fleet.environment });
      expect(closure.split("\n").map((path) => path.replace(/^.{44}/, ""))).toEqual(
        expect.arrayContaining([
          "busybox",
          "skep-app-v1",
          "unit-skep-app.service",
          "configuration-v1",
          "skep-test-system-v1-v1",
        ]),
      );
    });

    it("takes the same closure on both versions of Nix", async () => {
      const toplevel = await build("v1");
      for (const host of [web1, db1]) {
        await copy(host, toplevel);
        await host.read(["nix-store", "--verify", "--check-contents"]);
      }
    });

    it("goes from v1 to v2, and boots what was committed", async () => {
      const [v1, v2] = [await bring(web1, "v1"), await bring(web1, "v2")];
      const dry = await web1.inside([`${v1}/bin/switch-to-configuration`, "dry-activate"]);
      expect(dry).toMatchObject({ exitCode: 0, stderr: "would restart the following units: skep-app.service\n" });
      expect(existsSync(join(web1.root, "run/systemd/system/skep-app.service"))).toBe(false);

      await web1.read([`${v1}/bin/switch-to-configuration`, "test"]);
      expect(await answerOf(web1)).toEqual({ status: 200, body: "v1" });
      await commit(web1, { toplevel: v1, profile: PROFILE });
      await web1.read([`${v2}/bin/switch-to-configuration`, "test"]);
      expect(await answerOf(web1)).toEqual({ status: 200, body: "v2" });
      expect(await runningOn(web1)).toBe(v2);

      await web1.reboot();
      expect(await answerOf(web1)).toEqual({ status: 200, body: "v1" });
      await web1.read(["nix-env", "--profile", PROFILE, "--set", v2]);
      await web1.read([`${v2}/bin/switch-to-configuration`, "switch"]);
      expect(await answerOf(web1)).toEqual({ status: 200, body: "v2" });
      expect(await web1.read(["readlink", "/etc/skep-boot-default"])).toBe(v2);
      await web1.reboot();
      expect(await answerOf(web1)).toEqual({ status: 200, body: "v2" });
      expect([await runningOn(web1), await web1.read(["readlink", "/run/booted-system"])]).toEqual([v2, v2]);
    });

    it("boots a host that passes for NixOS from the system profile", async () => {
      const toplevel = await bring(db1, "nixos");
      expect(await db1.read(["cat", `${toplevel}/nixos-version`])).toBe("24.11");
      await commit(db1, { toplevel, profile: "/nix/var/nix/profiles/system" });
      await db1.reboot();
      expect(await answerOf(db1)).toEqual({ status: 200, body: "24.11" });
      expect(await runningOn(db1)).toBe(toplevel);
      expect(existsSync(join(await build("v1"), "nixos-version"))).toBe(false);
    });
  });

  describe("with a system that has a fault", () => {
    let good: string;

    beforeAll(async () => {
      good = await bring(web1, "v2");
    });

    const goBack = async (): Promise<void> => {
      await web1.read([`${good}/bin/switch-to-configuration`, "test"]);
      expect(await answerOf(web1)).toEqual({ status: 200, body: "v2" });
      expect(await runningOn(web1)).toBe(good);
    };
    const activate = async (system: string): Promise<number> => {
      const toplevel = await bring(web1, system);
      const { exitCode } = await web1.inside([`${toplevel}/bin/switch-to-configuration`, "test"]);
      expect(await runningOn(web1)).toBe(toplevel);
      return exitCode;
    };

    it("unhealthy: the service answers 500", async () => {
      expect(await activate("unhealthy")).toBe(0);
      expect(await answerOf(web1)).toEqual({ status: 500, body: "unhealthy" });
      await goBack();
    });

    it("exit-4: activation says that a unit failed", async () => {
      expect(await activate("exit-4")).toBe(4);
      expect((await web1.inside(["systemctl", "is-active", "skep-app"])).stdout).toBe("failed\n");
      await goBack();
    });

    it("unit-fails: the unit fails after activation has succeeded", async () => {
      expect(await activate("unit-fails")).toBe(0);
      await waitUntil(async () => (await web1.inside(["systemctl", "is-failed", "skep-app"])).stdout === "failed\n", {
        timeoutMs: 10_000,
        what: "the unit to fail",
      });
      await goBack();
    });

    it("hang: activation does not end, with the old service still there", async () => {
      const toplevel = await bring(web1, "hang");
      await web1.read(["systemd-run", "--unit=hanging", `${toplevel}/bin/switch-to-configuration`, "test"]);
      await waitUntil(async () => (await runningOn(web1)) === toplevel, { timeoutMs: 10_000, what: "activation" });
      expect((await web1.inside(["systemctl", "is-active", "hanging"])).stdout).toBe("active\n");
      expect(await web1.http()).toEqual({ status: 200, body: "v2" });
      await web1.read(["systemctl", "stop", "hanging"]);
      await goBack();
    });

    it("cut-network: nobody reaches the host until a good system is activated", async () => {
      expect(await activate("cut-network")).toBe(0);
      expect(await web1.http()).toBeUndefined();
      expect((await web1.ssh(["true"])).exitCode).toBe(255);
      await goBack();
      expect((await web1.ssh(["true"])).exitCode).toBe(0);
    });

    it("cut-network: a reboot brings the network back too", async () => {
      await activate("cut-network");
      await web1.reboot();
      expect((await web1.ssh(["true"])).exitCode).toBe(0);
      await goBack();
    });

    it("boot-fails: it runs and cannot be made the default", async () => {
      expect(await activate("boot-fails")).toBe(0);
      const { exitCode, stderr } = await web1.inside(["/run/current-system/bin/switch-to-configuration", "boot"]);
      expect([exitCode, stderr]).toEqual([1, "cannot install the boot loader\n"]);
      await goBack();
    });

    it.each([
      ["eval-error", "the configuration of eval-error is wrong on purpose"],
      ["eval-type-error", "cannot add a string to an integer"],
      ["build-error", "module 30 does not compile"],
    ])("%s: cannot be built, while the others in the same file can", async (system, message) => {
      await expect(build(system)).rejects.toThrow(message);
      expect(await build("v1")).toMatch(/-skep-test-system-v1-v1$/);
    });
  });

  it("leaves nothing behind, and leaves another fleet alone", async () => {
    const second = await startFleet([{ name: "edge", suite: "trixie", disk: "100M" }]);
    const { root, machineName } = second.host("edge");
    expect(await tracesOf(second.folder, machineName)).toHaveLength(6);
    expect((await second.host("edge").ssh(["true"])).exitCode).toBe(0);

    await second[Symbol.asyncDispose]();
    expect(await tracesOf(second.folder, machineName)).toEqual([]);
    expect(existsSync(root)).toBe(false);
    expect((await web1.ssh(["true"])).exitCode).toBe(0);
    await second[Symbol.asyncDispose]();
  });

  it("sweeps what a killed owner left", async () => {
    const killed = await startFleet([{ name: "edge", suite: "bookworm" }]);
    const { machineName } = killed.host("edge");
    const record = join(killed.folder, "run.json");
    await writeFile(record, JSON.stringify({ owner: { pid: process.pid, startTime: "0" }, names: [machineName] }));

    await sweepStaleFleets();
    expect(await tracesOf(killed.folder, machineName)).toEqual([]);
    expect((await web1.ssh(["true"])).exitCode).toBe(0);
    await killed[Symbol.asyncDispose]();
  });
});

async function commit(
  host: FleetHost,
  { toplevel, profile }: { readonly toplevel: string; readonly profile: string },
): Promise<void> {
  await host.read(["nix-env", "--profile", profile, "--set", toplevel]);
  await host.read([`${toplevel}/bin/switch-to-configuration`, "boot"]);
}

/** The service's answer, once it listens. */
async function answerOf(host: FleetHost): Promise<unknown> {
  return waitUntil(async () => host.http(), { timeoutMs: 10_000, what: `${host.name} to answer` });
}

/** A process whose control group is gone has ended, and only its parent has not noticed. */
function isIn(machineName: string): (cgroups: string) => boolean {
  return (cgroups) =>
    cgroups.split("\n").some((line) => line.includes(`/${machineName}/`) && !line.endsWith("(deleted)"));
}

/** What of one host is on this machine: folder, mounts, namespace, link, control groups, processes. */
async function tracesOf(folder: string, machineName: string): Promise<readonly string[]> {
  const groups = await readdir("/sys/fs/cgroup");
  const processes = await Promise.all(
    (await readdir("/proc"))
      .filter((name) => /^\d+$/.test(name))
      .map(async (pid) => readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "")),
  );
  return [
    ...(existsSync(folder) ? ["folder"] : []),
    ...((await mountsBelow(folder)).length > 0 ? ["mounts"] : []),
    ...(existsSync(`/run/netns/${machineName}`) ? ["namespace"] : []),
    ...(existsSync(`/sys/class/net/${machineName}`) ? ["link"] : []),
    ...(groups.some((name) => existsSync(`/sys/fs/cgroup/${name}/${machineName}`) || name === machineName)
      ? ["control groups"]
      : []),
    ...(processes.some(isIn(machineName)) ? ["processes"] : []),
  ];
}
