import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostAccess, RebootOrder } from "#activation";
import {
  acquireLease,
  describeRebootNeed,
  isRebootNeeded,
  probeHost,
  readRebootNeed,
  releaseLease,
  requestReboot,
} from "#activation";
import { systemClock } from "#core";
import type { Host } from "#hive";
import { nixos, parseHive } from "#hive";
import type { Connection } from "#ssh";
import { connect, elevations } from "#ssh";
import { parseStorePath } from "#store";
import type { Rebooted, RebootHostOptions } from "../../src/rollout/reboot/reboot-host.ts";
import { rebootHost } from "../../src/rollout/reboot/reboot-host.ts";
import type { FleetHost } from "./harness/index.ts";
import { fleetUnavailable, waitUntil } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";

interface TestOptions {
  readonly user?: string;
  readonly onTold?: (line: string) => void;
}

const RUN = "20260131-142501-3f9a";

describe.skipIf(fleetUnavailable() !== undefined)("rebooting real hosts", () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene([
      { name: "web-1", suite: "bookworm" },
      { name: "web-2", suite: "trixie" },
    ]);
    for (const version of ["v1", "v2"]) {
      await scene.wantAll(version);
      expect((await scene.deploy()).exitCode).toBe(0);
    }
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const logIn = (name: string, user = "root"): Promise<Connection> =>
    connect({ host: name, user, elevation: elevations.sudo }, { configFile: scene.fleet.client.configFile });

  /** What the host is to come up with: what its profile names, as after a commit. */
  async function orderFor(access: HostAccess): Promise<RebootOrder> {
    const { profile, running } = await probeHost(access);
    const toplevel = profile.system ?? parseStorePath("");
    const v1 = await scene.fleet.host("web-1").read(["readlink", "/nix/var/nix/profiles/skep-1-link"]);
    return { run: RUN, toplevel, previous: running === toplevel ? parseStorePath(v1) : running, profile: profile.path };
  }

  async function reboot(
    name: string,
    { user, onTold, ...but }: Partial<RebootHostOptions> & TestOptions = {},
  ): Promise<Rebooted & { readonly told: readonly string[] }> {
    const told: string[] = [];
    const takeLease = async (connection: Connection): Promise<AsyncDisposable> => {
      const access = { runner: connection.elevated, root: "" };
      const { takenFrom } = await acquireLease(access, { run: RUN, owner: "test", reason: "reboot", ttlMs: 60_000 });
      told.push(takenFrom === undefined ? "lease" : "stolen lease");
      return { [Symbol.asyncDispose]: () => releaseLease(access, { run: RUN }).catch(() => undefined) };
    };
    await using connection = await logIn(name, user);
    const rebooted = await rebootHost(hostNamed(name), {
      order: await orderFor({ runner: connection.elevated, root: "" }),
      connection,
      clock: systemClock,
      signal: new AbortController().signal,
      withinMs: 60_000,
      ports: {
        logIn: () => logIn(name, user),
        takeLease,
        check: async () => {
          told.push(`check ${(await scene.fleet.host(name).http())?.body ?? "nothing"}`);
        },
        onProgress: (message) => {
          told.push(message);
          onTold?.(message);
        },
      },
      ...but,
    });
    await rebooted.connection[Symbol.asyncDispose]();
    return { ...rebooted, told };
  }

  function hostNamed(name: string): Host {
    const hosts = { [name]: { system: nixos({ storePath: "/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-system" }) } };
    return parseHive({ hosts }, { directory: "/hive" }).hosts[0]!;
  }

  it.each([
    { name: "web-1", user: "root" },
    { name: "web-2", user: "deploy" },
  ])("sees $name come back on what was committed, logging in as $user", async ({ name, user }) => {
    const host = scene.fleet.host(name);
    const before = await host.bootId();
    const { facts, told } = await reboot(name, { user });
    expect(facts.bootId).not.toBe(before);
    expect(facts.bootId).toBe(await host.bootId());
    expect(facts.running).toMatch(/-v2$/);
    expect(["running", "degraded"]).toContain((await host.inside(["systemctl", "is-system-running"])).stdout.trim());
    expect([told[0], ...told.slice(-2)]).toEqual(["lease", "lease", "check v2"]);
    expect(await stateOf(host)).toMatchObject({ answer: "v2", leaseIsThere: false });
  });

  it("brings up what the goal boot committed and nobody activated", async () => {
    await scene.wantAll("v3");
    expect((await scene.deploy("boot", "--on", "web-1")).exitCode).toBe(0);
    expect(await stateOf(scene.fleet.host("web-1"))).toMatchObject({ answer: "v2" });
    const { facts, told } = await reboot("web-1");
    expect(facts.running).toMatch(/-v3$/);
    expect(told.at(-1)).toBe("check v3");
  });

  it("goes on when the connection that asked for it is closed", async () => {
    const host = scene.fleet.host("web-1");
    const { bootId } = await (async () => {
      await using connection = await logIn("web-1");
      const access = { runner: connection.elevated, root: "" };
      return await requestReboot(access, await orderFor(access));
    })();
    await waitUntil(async () => (await host.bootId().catch(() => bootId)) !== bootId, {
      timeoutMs: 60_000,
      what: "another boot",
    });
    await host.booted();
  });

  describe("the need of one", () => {
    const BOOTED = "/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-nixos-system-web-2-23.11";
    const WANTED = parseStorePath("/nix/store/1c4x2abc4x2abc4x2abc4x2abc4x2abc-nixos-system-web-2-24.05");
    const OLD = "/nix/store/2c4x2abc4x2abc4x2abc4x2abc4x2abc-linux-6.1.55";
    const NEW = "/nix/store/3c4x2abc4x2abc4x2abc4x2abc4x2abc-linux-6.6.2";
    const sh = (script: string): Promise<string> => scene.fleet.host("web-2").read(["sh", "-euc", script]);

    async function read() {
      await using connection = await logIn("web-2", "deploy");
      return await readRebootNeed({ runner: connection.elevated, root: "" }, { toplevel: WANTED });
    }

    it("is told from the kernel that booted, and from the host's own word", async () => {
      await sh(`mkdir ${BOOTED} ${WANTED} ${OLD} ${NEW}; touch ${OLD}/bzImage ${NEW}/bzImage
        for it in ${BOOTED} ${WANTED}; do ln -s ${OLD}/bzImage $it/kernel; echo quiet >$it/kernel-params; done
        ln -sfn ${BOOTED} /run/booted-system`);
      expect(isRebootNeeded(await read())).toBe(false);
      await sh(`ln -sfn ${NEW}/bzImage ${WANTED}/kernel`);
      expect(describeRebootNeed(await read())).toBe("kernel 6.1.55 → 6.6.2");
      await sh("echo libc6 >/run/reboot-required.pkgs; touch /run/reboot-required");
      expect(describeRebootNeed(await read())).toBe("kernel 6.1.55 → 6.6.2; the host asks for it: libc6");
      await reboot("web-2");
      expect(await read()).toMatchObject({ requiredBy: undefined });
    });
  });

  describe("one that goes wrong", () => {
    let host: FleetHost;
    beforeAll(() => {
      host = scene.fleet.host("web-1");
    });

    it("a host that refuses is not waited for, and says why", async () => {
      const before = await host.bootId();
      await host.read(["systemctl", "mask", "--runtime", "reboot.target"]);
      await expect(reboot("web-1", { withinMs: 600_000 })).rejects.toMatchObject({
        code: "activation/reboot",
        message: expect.stringMatching(/^the host refused to reboot: \S/) as unknown,
      });
      await host.read(["systemctl", "unmask", "--runtime", "reboot.target"]);
      expect(await host.bootId()).toBe(before);
      expect(await stateOf(host)).toMatchObject({ answer: "v3", leaseIsThere: false });
    });

    it("a host that never goes down is told by its boot id", async () => {
      await host.read([
        "sh",
        "-c",
        'printf "#!/bin/sh\\n" >/usr/local/bin/systemctl; chmod 755 /usr/local/bin/systemctl',
      ]);
      const failure = reboot("web-1", { withinMs: 5_000 });
      await expect(failure).rejects.toMatchObject({
        code: "activation/reboot",
        message: expect.stringMatching(/never went down: its boot id is the same/) as unknown,
      });
      await host.read(["rm", "/usr/local/bin/systemctl"]);
    });

    it("a host that hangs on its way down says so as long as it can", async () => {
      const slow = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/sleep 40\n";
      await host.read(["sh", "-euc", 'printf "$0" >/run/systemd/system/hang.service; systemctl start hang', slow]);
      await expect(reboot("web-1", { withinMs: 6_000 })).rejects.toMatchObject({
        code: "activation/reboot",
        message: expect.stringMatching(/is still going down: its boot id is the same/) as unknown,
      });
      await host.powerOff();
      await host.powerOn();
    });

    it("a host that does not come back is told by when it was last there", async () => {
      const pullThePlug = (line: string): void => {
        if (line === "waiting for it to go down") void host.powerOff();
      };
      await expect(reboot("web-1", { withinMs: 6_000, onTold: pullThePlug })).rejects.toMatchObject({
        code: "activation/reboot-not-back",
        message: expect.stringMatching(/^no login since \d/) as unknown,
        hint: expect.stringMatching(/-v1\/bin\/switch-to-configuration boot/) as unknown,
      });
      await host.powerOn();
    });

    it("a host that comes back with another system names it", async () => {
      const unit = "/etc/systemd/system/skep-boot.service";
      await host.read(["sed", "-i.bak", "s|^ExecStart=.*skep/|ExecStart=/nix/var/nix/profiles/skep-1-link/|", unit]);
      await expect(reboot("web-1")).rejects.toMatchObject({
        code: "activation/reboot-other-system",
        message: expect.stringMatching(/runs \S+-v1 instead of \S+-v3$/) as unknown,
      });
      await host.read(["mv", `${unit}.bak`, unit]);
      await host.reboot();
      expect(await stateOf(host)).toMatchObject({ answer: "v3" });
    });
  });
});
