import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { parseRecipient, sealBytes } from "#secrets";
import { logIn, sh } from "./log-in.ts";
import { bootIdOf } from "./systems-of-host.ts";
import { startTypeScript } from "./typescript-process.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-sandbox-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const NAP =
  "[Service]\nExecStart=/bin/sleep 600\nRestart=always\nRestartSec=200ms\n[Install]\nWantedBy=multi-user.target\n";

async function addUnit({ root }: Pick<SandboxHost, "root">, name: string, text: string): Promise<void> {
  await mkdir(join(root, "etc/systemd/system"), { recursive: true });
  await writeFile(join(root, "etc/systemd/system", name), text);
}

/** Whether a process still runs; one that ended may wait for its parent to take note. */
function isAlive(pid: number): boolean {
  const { status, stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return status === 0 && !stdout.startsWith("Z");
}

/** Starts one process of each kind there is on a host, and returns their ids. */
async function startProcesses(host: SandboxHost): Promise<number[]> {
  await addUnit(host, "nap.service", NAP);
  await using connection = await logIn(host);
  const { stdout } = await sh(
    connection,
    `systemctl start nap
systemctl show -p MainPID --value nap
sleep 600 >/dev/null 2>&1 & echo $!
setsid sh -c 'echo $$ >left; exec sleep 600' >/dev/null 2>&1 </dev/null &
until [ -s left ]; do sleep 0.01; done; cat left
(trap '' TERM HUP INT; cd /; exec sleep 600) >/dev/null 2>&1 & echo $!`,
  );
  const pids = stdout.trim().split("\n").map(Number);
  expect(pids).toHaveLength(4);
  expect(pids.every(isAlive)).toBe(true);
  return pids;
}

describe("disposing of a sandbox", () => {
  it("ends every process of its hosts, those that left included, and removes its folder", async () => {
    const sandbox = await startSandbox({ hosts: ["web-1", "web-2"] });
    const pids = (await Promise.all(sandbox.hosts.map(startProcesses))).flat();
    // As the store leaves its folders.
    const { stdout } = await sh(
      await logIn(sandbox.host("web-1")),
      "mkdir -p nix/store/x/y; chmod -R a-w nix/store/x; echo made",
    );
    expect(stdout).toBe("made\n");
    await sandbox[Symbol.asyncDispose]();
    expect(pids.filter(isAlive)).toEqual([]);
    // What is restarted when it ends is not, and makes no folder anew.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(spawnSync("ps", ["axeww"], { encoding: "utf8" }).stdout).not.toContain(sandbox.folder);
    expect(existsSync(sandbox.folder)).toBe(false);
  });

  it("leaves the processes of other sandboxes alone", async () => {
    await using stays = await startSandbox({ hosts: ["web-1"] });
    const pids = await startProcesses(stays.host("web-1"));
    const goes = await startSandbox({ hosts: ["web-1"] });
    await startProcesses(goes.host("web-1"));
    await goes[Symbol.asyncDispose]();
    expect(pids.every(isAlive)).toBe(true);
  });

  it("keeps a folder that was given, and boots what was left there", async () => {
    const path = join(folder, "fleet");
    {
      await using sandbox = await startSandbox({ hosts: ["web-1"], folder: path });
      await addUnit(sandbox.host("web-1"), "nap.service", NAP);
      await using connection = await logIn(sandbox.host("web-1"));
      await sh(connection, "systemctl enable nap");
    }
    await using again = await startSandbox({ hosts: ["web-1"], folder: path });
    await using connection = await logIn(again.host("web-1"));
    expect((await sh(connection, "systemctl is-active nap")).stdout).toBe("active\n");
  });

  it("will not take a folder that another sandbox uses, in this process or another", async () => {
    const path = join(folder, "fleet");
    const refused = (pid: number | undefined): object => ({
      code: "sandbox/folder",
      message: expect.stringContaining(`is in use by the sandbox of process ${pid}`) as string,
    });
    {
      await using _sandbox = await startSandbox({ hosts: ["web-1"], folder: path });
      await expect(startSandbox({ hosts: ["db-1"], folder: path })).rejects.toMatchObject(refused(process.pid));
    }
    const child = startTypeScript(
      `const { startSandbox } = await load("#sandbox");
      await startSandbox({ hosts: ["web-1"], folder: process.argv[1] });
      console.log("started");`,
      [path],
    );
    const exited = once(child, "exit");
    await once(createInterface(child.stdout), "line");
    await expect(startSandbox({ hosts: ["db-1"], folder: path })).rejects.toMatchObject(refused(child.pid));
    child.kill("SIGKILL");
    await exited;
    await using again = await startSandbox({ hosts: ["db-1"], folder: path });
    expect(again.hosts).toHaveLength(1);
  });

  it("will not take a folder that has something else in it", async () => {
    await writeFile(join(folder, "thesis.txt"), "");
    await expect(startSandbox({ hosts: ["web-1"], folder })).rejects.toMatchObject({ code: "sandbox/folder" });
  });

  it("wants names that a host can have", async () => {
    for (const hosts of [[], ["../x"], ["Web"], ["a", "a"]]) {
      await expect(startSandbox({ hosts })).rejects.toMatchObject({ code: "sandbox/hosts" });
    }
  });
});

describe("a process that hosts a sandbox", () => {
  it("leaves nothing when it is killed", async () => {
    const child = startTypeScript(`
      const { startSandbox } = await load("#sandbox");
      const { folder, hosts: [{ target }] } = await startSandbox({ hosts: ["web-1"] });
      console.log(JSON.stringify({ folder, target }));`);
    const exited = once(child, "exit");
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const { folder: made, target } = JSON.parse(line) as { folder: string; target: SandboxHost["target"] };
    const pids = await startProcesses({ target, root: target.root } as SandboxHost);
    child.kill("SIGKILL");
    await exited;
    await expect.poll(() => pids.filter(isAlive), { timeout: 2_000, interval: 20 }).toEqual([]);
    await expect.poll(() => existsSync(made), { timeout: 5_000, interval: 20 }).toBe(false);
  });
});

describe("rebooting a sandbox host", () => {
  it("ends everything, empties /run, changes the boot id, and starts what is enabled", async () => {
    await using sandbox = await startSandbox({ hosts: ["web-1", "web-2"] });
    const host = sandbox.host("web-1");
    const others = await startProcesses(sandbox.host("web-2"));
    const pids = await startProcesses(host);
    const before = bootIdOf(host);
    // As a system in the profile does it: a unit, enabled by a link, that starts others.
    await addUnit(
      host,
      "boot.service",
      "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/nix/var/nix/profiles/skep/bin/go test\n[Install]\nWantedBy=sysinit.target\n",
    );
    const store = join(host.root, "nix/store/2c0zk2j2r9y3bmzyr5ihsz2bxy7wqa9c-system");
    await mkdir(join(store, "bin"), { recursive: true });
    await writeFile(
      join(store, "bin/go"),
      '#!/bin/sh\necho "$1 $SKEP_ROOT" >"$SKEP_ROOT/run/booted"\nsystemctl start nap\n',
      { mode: 0o755 },
    );
    await symlink(
      "/nix/store/2c0zk2j2r9y3bmzyr5ihsz2bxy7wqa9c-system",
      join(host.root, "nix/var/nix/profiles/skep-1-link"),
    );
    await symlink("skep-1-link", join(host.root, "nix/var/nix/profiles/skep"));
    await writeFile(join(host.root, "run/gone"), "");
    await using first = await logIn(host);
    await sh(first, "systemctl enable boot");
    await host.reboot();
    expect((await first.lost).code).toBe("ssh/connection-lost");
    expect(pids.filter(isAlive)).toEqual([]);
    expect(others.every(isAlive)).toBe(true);
    expect(existsSync(join(host.root, "run/gone"))).toBe(false);
    expect(bootIdOf(host)).not.toBe(before);
    expect(await readFile(join(host.root, "run/booted"), "utf8")).toBe(`test ${host.root}\n`);
    await using again = await logIn(host);
    expect((await sh(again, "systemctl is-active nap boot")).stdout).toBe("active\nactive\n");
  });

  it("opens its secrets before it starts its system", async () => {
    await using sandbox = await startSandbox({ hosts: ["web-1"] });
    const host = sandbox.host("web-1");
    // As the units are that skep writes.
    const unit = (about: string, script: string): string => `[Unit]
DefaultDependencies=no
ConditionPathExists=${script.split(" ")[1] ?? ""}
${about}
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${script}
[Install]
WantedBy=sysinit.target
`;
    const keeper = "var/lib/skep/secrets/keeper";
    const system = "var/lib/system/start";
    await addUnit(
      host,
      "skep-secrets.service",
      unit(
        "After=local-fs.target systemd-sysusers.service\nBefore=skep-boot.service sysinit.target shutdown.target",
        `/bin/sh /${keeper} boot`,
      ),
    );
    await addUnit(
      host,
      "skep-boot.service",
      unit("After=local-fs.target\nBefore=sysinit.target shutdown.target", `/bin/sh /${system}`),
    );
    await using first = await logIn(host);
    const { stderr } = await sh(
      first,
      `mkdir -p var/lib/skep/secrets var/lib/system etc/systemd/system/sysinit.target.wants
for unit in boot secrets; do ln -s ../skep-$unit.service etc/systemd/system/sysinit.target.wants; done
cat >${keeper} <<'END'
sleep 0.2
age -d -i "$SKEP_ROOT/etc/ssh/ssh_host_ed25519_key" -o "$SKEP_ROOT/run/skep/secrets.d/$1" "\${0%/*}/sealed"
END
echo 'cat "$SKEP_ROOT/run/skep/secrets.d/boot"' >${system}`,
    );
    expect(stderr).toBe("");
    const sealed = await sealBytes(Buffer.from("hunter2\n"), [await parseRecipient(host.target.hostKey)]);
    await writeFile(join(host.root, "var/lib/skep/secrets/sealed"), sealed);
    const log = (name: string): Promise<string> => readFile(join(host.root, `var/log/${name}.service.log`), "utf8");
    for (const times of [1, 2]) {
      await host.reboot();
      await using again = await logIn(host);
      expect((await sh(again, "systemctl is-active skep-secrets skep-boot")).stdout).toBe("active\nactive\n");
      expect(await log("skep-secrets")).toBe("");
      expect(await log("skep-boot")).toBe("hunter2\n".repeat(times));
    }
    await rm(join(host.root, keeper));
    await host.reboot();
    await using last = await logIn(host);
    const states = "systemctl is-system-running; systemctl show -p ActiveState,ConditionResult --value skep-secrets";
    expect((await sh(last, states)).stdout).toBe("degraded\ninactive\nno\n");
  });

  it("may be asked for on the host", async () => {
    await using sandbox = await startSandbox({ hosts: ["web-1"] });
    const host = sandbox.host("web-1");
    await using first = await logIn(host);
    await first.run(["systemctl", "reboot"]).catch(() => undefined);
    await first.lost;
    await expect
      .poll(
        async () => {
          await using again = await logIn(host);
          return (await sh(again, "systemctl is-system-running")).stdout;
        },
        { timeout: 10_000 },
      )
      .toBe("running\n");
  });
});
