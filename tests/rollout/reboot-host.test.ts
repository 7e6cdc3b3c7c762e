import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ActivationError } from "#activation";
import { systemClock } from "#core";
import type { Host } from "#hive";
import { parseHive, nixos } from "#hive";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import type { Connection } from "#ssh";
import { parseStorePath } from "#store";
import type { RebootHostOptions } from "../../src/rollout/reboot/reboot-host.ts";
import { rebootHost } from "../../src/rollout/reboot/reboot-host.ts";
import { logIn } from "../sandbox/log-in.ts";
import { linkBelow, writeBelow } from "../write-below.ts";

const V1 = parseStorePath("/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-system-v1");
const V2 = parseStorePath("/nix/store/1c4x2abc4x2abc4x2abc4x2abc4x2abc-system-v2");
const PROFILE = "/nix/var/nix/profiles/skep";

let sandbox: Sandbox;
let machine: SandboxHost;
let host: Host;
let connection: Connection;
/** What happened around the reboot, in order. */
let told: string[];
let logins: Connection[];

beforeEach(async () => {
  sandbox = await startSandbox({ hosts: ["web-1"] });
  machine = sandbox.host("web-1");
  const { target } = machine;
  const hive = parseHive({ hosts: { "web-1": { system: nixos({ storePath: V2 }), target } } }, { directory: "/hive" });
  host = hive.hosts[0]!;
  await link(PROFILE, "skep-2-link");
  await link(`${PROFILE}-2-link`, V2);
  await bootsInto(V2);
  await link("run/current-system", V2);
  connection = await logIn(machine);
  told = [];
  logins = [];
});
afterEach(async () => {
  for (const one of [connection, ...logins]) await one[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

const link = (path: string, to: string): Promise<void> => linkBelow(machine.root, path, to);

/** What the host runs once it has booted. */
async function bootsInto(system: string): Promise<void> {
  const unit = `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'cp -P $SKEP_ROOT/etc/boots $SKEP_ROOT/run/current-system'\n`;
  await link("etc/boots", system);
  await writeBelow(machine.root, "etc/systemd/system/boots.service", unit);
  await link("etc/systemd/system/multi-user.target.wants/boots.service", "../boots.service");
}

function options(but: Partial<RebootHostOptions> = {}): RebootHostOptions {
  return {
    order: { run: "20260131-142501-3f9a", toplevel: V2, previous: V1, profile: PROFILE },
    connection,
    ports: {
      logIn: async () => {
        const fresh = await logIn(machine);
        logins.push(fresh);
        return fresh;
      },
      takeLease: () => {
        told.push("lease");
        const giveBack = (): Promise<void> => {
          told.push("lease given back");
          return Promise.resolve();
        };
        return Promise.resolve({ [Symbol.asyncDispose]: giveBack });
      },
      check: (_connection, { running }) => {
        told.push(`check ${running ?? "nothing"}`);
        return Promise.resolve();
      },
      onProgress: (message) => told.push(message.replace(/ \(.*/, "")),
    },
    clock: systemClock,
    signal: new AbortController().signal,
    withinMs: 15_000,
    comeUpMs: 3_000,
    ...but,
  };
}

async function failureOf(work: Promise<unknown>): Promise<ActivationError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ActivationError) return error;
  throw new Error(`not an ActivationError: ${String(error)}`);
}

/** Puts a `systemctl` of the test's own in the place of the host's. */
async function systemctl(script: string): Promise<void> {
  await writeFile(join(machine.root, "run/skep-sandbox/bin/systemctl"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

describe("rebootHost()", () => {
  it("sees a host through its reboot: another boot, the wanted system, its checks under the lease", async () => {
    const rebooted = await rebootHost(host, options());
    expect(rebooted.facts.running).toBe(V2);
    expect(told.filter((line) => !line.startsWith("waiting"))).toEqual([
      "lease",
      "it has booted",
      "lease given back",
      "lease",
      `check ${V2}`,
      "lease given back",
    ]);
    expect(
      (await rebooted.connection.run(["cat", join(machine.root, "proc/sys/kernel/random/boot_id")])).stdout.trim(),
    ).toBe(rebooted.facts.bootId);
  });

  it("takes no login in the old boot for the new one", async () => {
    await systemctl("exit 0");
    const waiting = rebootHost(host, options());
    while (!told.includes("waiting for it to go down")) await systemClock.sleep(10);
    machine.faults.cutConnections();
    while (logins.length === 0) await systemClock.sleep(10);
    expect(told.some((line) => line.startsWith("check"))).toBe(false);
    await machine.reboot();
    expect((await waiting).facts.running).toBe(V2);
  });

  it("gives up on a host that never goes down", async () => {
    await systemctl("exit 0");
    const error = await failureOf(rebootHost(host, options({ withinMs: 2_000 })));
    expect(error.code).toBe("activation/reboot");
    expect(error.message).toBe("the host was asked to reboot 2.0 s ago and never went down: its boot id is the same");
    expect(told).toEqual(["lease", "waiting for it to go down", "lease given back"]);
  });

  it("waits for no host that refuses", async () => {
    await systemctl('[ "$1" != reboot ] || { echo "Unit reboot.target is masked."; exit 1; }');
    const error = await failureOf(rebootHost(host, options({ withinMs: 600_000 })));
    expect(error.message).toBe("the host refused to reboot: Unit reboot.target is masked.");
  });

  it("says since when nobody can log in", async () => {
    const refused = machine.faults.refuseLogins();
    const error = await failureOf(rebootHost(host, options({ withinMs: 4_000 })));
    refused[Symbol.dispose]();
    expect(error.code).toBe("activation/reboot-not-back");
    expect(error.message).toMatch(/^no login since \d\.\d s: /);
    expect(error.hint).toContain(`${V1}/bin/switch-to-configuration boot`);
  });

  it("names the other system that came up", async () => {
    await bootsInto(V1);
    const error = await failureOf(rebootHost(host, options({ comeUpMs: 600_000 })));
    expect(error.code).toBe("activation/reboot-other-system");
    expect(error.message).toBe(`after its reboot the host runs ${V1} instead of ${V2}`);
    expect(error.hint).toContain("it runs what it ran before");
    expect(told).not.toContain(`check ${V1}`);
  });

  it("gives a host that came up without any system the time to get there, and no more", async () => {
    await bootsInto("/elsewhere");
    const error = await failureOf(rebootHost(host, options()));
    expect(error.message).toBe(`after its reboot the host runs no system of ours instead of ${V2}`);
  });

  it("goes on with a host whose units take longer than that", async () => {
    const slow = `[Service]\nType=oneshot\nExecStart=/bin/sh -c 'printf "#!/bin/sh\\necho starting\\n" >$SKEP_ROOT/run/skep-sandbox/bin/systemctl'\n`;
    await writeFile(join(machine.root, "etc/systemd/system/slow.service"), slow);
    await link("etc/systemd/system/multi-user.target.wants/slow.service", "../slow.service");
    expect((await rebootHost(host, options())).facts.running).toBe(V2);
  });

  it("says how to have the previous system back when the checks do not pass", async () => {
    const { ports } = options();
    const check = (): Promise<void> => Promise.reject(new Error("not well: http :80"));
    const error = await failureOf(rebootHost(host, options({ ports: { ...ports, check } })));
    expect(error.code).toBe("activation/reboot-unwell");
    expect(error.message).toBe("after its reboot not well: http :80");
    expect(error.hint).toContain(`it runs ${V2}; to have ${V1} back`);
    expect(told.at(-1)).toBe("lease given back");
  });

  it("asks nothing of a host that it may not take the lease of", async () => {
    const { ports } = options();
    const takeLease = (): Promise<never> => Promise.reject(new ActivationError("activation/lease-held", "held by bob"));
    const error = await failureOf(rebootHost(host, options({ ports: { ...ports, takeLease } })));
    expect(error.code).toBe("activation/lease-held");
  });

  it("leaves the host at once when it is told to", async () => {
    const leave = new AbortController();
    await systemctl("exit 0");
    const waiting = rebootHost(host, options({ signal: leave.signal, withinMs: 600_000 }));
    while (!told.includes("waiting for it to go down")) await systemClock.sleep(10);
    leave.abort();
    await expect(waiting).rejects.toMatchObject({ code: "rollout/interrupted" });
    expect(told.at(-1)).toBe("lease given back");
  });
});
