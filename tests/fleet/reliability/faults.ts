import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FleetHost } from "../harness/index.ts";
import { waitUntil } from "../harness/index.ts";
import type { RunningSkep } from "../skep.ts";
import type { Hold, Moment } from "./moments.ts";

/** What breaks, in the middle of a deployment. */
export const FAULTS = [
  "operator killed",
  "network cut",
  "sshd stopped",
  "host rebooted",
  "agent killed",
  "disk full",
  "/run full",
  "clock jumped",
] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultScene {
  readonly host: FleetHost;
  readonly moment: Moment;
  readonly hold: Hold;
  readonly skep: RunningSkep;
}

/** Makes it so, while the deployment is held. @returns what ends it again, once the host has settled. */
export async function strike(fault: Fault, scene: FaultScene): Promise<() => Promise<void>> {
  const { host, moment, skep } = scene;
  switch (fault) {
    case "operator killed":
      skep.child.kill("SIGKILL");
      await skep.ended;
      return async () => Promise.resolve();
    case "network cut":
      await host.cutNetwork();
      return () => host.restoreNetwork();
    case "sshd stopped":
      await host.read(["systemctl", "stop", "ssh.service"]);
      return async () => {
        await host.read(["systemctl", "start", "ssh.service"]);
      };
    case "host rebooted":
      await host.reboot();
      return async () => Promise.resolve();
    case "agent killed":
      await killWorker(scene);
      return async () => Promise.resolve();
    case "disk full":
      await host.fillDisk();
      return () => host.freeDisk();
    case "/run full": {
      const free = async (): Promise<void> => {
        await host.read(["mount", "-o", `remount,size=${RUN_SIZE}`, "/run"]);
      };
      await host.read(["sh", "-c", SHRINK_RUN]);
      // With no room there systemd activates nothing, and no way leads anywhere.
      if (moment === "rolling back") setTimeout(() => void free().catch(() => undefined), BRIEFLY_MS);
      return free;
    }
    case "clock jumped":
      return jumpClock(host);
  }
}

const RUN_SIZE = "64m";
const BRIEFLY_MS = 3_000;
/** A file system in memory that may be as large as it is, and no larger. */
const SHRINK_RUN = `used=$(df -k --output=used /run | tail -n 1); mount -o "remount,size=$((used))k" /run`;

/** The agent, or before there is one the program on the host that does the work. */
async function killWorker({ host, moment, hold }: FaultScene): Promise<void> {
  switch (moment) {
    case "copying":
      await host.read(["sh", "-c", KILL_RECEIVERS]);
      return;
    case "installing secrets":
      await host.read(["sh", "-c", 'kill -KILL "$1"', "sh", await hold.waiter()]);
      return;
    case "testing":
    case "proving":
    case "committing":
    case "rolling back":
      await host.read(["sh", "-c", "systemctl kill --signal=KILL 'skep-2*'"]);
  }
}

const KILL_RECEIVERS = `for process in /proc/[0-9]*; do
  case $(readlink "$process/exe") in */nix-store | */nix | */tar) kill -KILL "\${process#/proc/}" ;; esac
done 2>/dev/null; true`;

/** `$LIB` is the loader's own. What waits by the monotonic clock goes on as it did, as when a real clock jumps. */
const AN_HOUR_AHEAD = [
  "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1",
  "FAKETIME=+1h",
  "FAKETIME_DONT_FAKE_MONOTONIC=1",
] as const;

/** For every login and every service that begins from now on. The kernel's clock cannot jump: it is this machine's too. */
async function jumpClock(host: FleetHost): Promise<() => Promise<void>> {
  const settings = join(host.root, "etc/ssh/sshd_config.d/clock.conf");
  const reload = ["systemctl", "reload", "ssh.service"] as const;
  await writeFile(settings, `SetEnv ${AN_HOUR_AHEAD.join(" ")}\n`);
  await host.read(reload);
  await host.read(["systemctl", "set-environment", ...AN_HOUR_AHEAD]);
  await clockIs(host, { aheadS: 3_600 });
  return async () => {
    await rm(settings);
    await host.read(["systemctl", "unset-environment", ...AN_HOUR_AHEAD.map((line) => line.replace(/=.*/, ""))]);
    await host.read(reload);
    await clockIs(host, { aheadS: 0 });
  };
}

/** Waits for logins to have that clock: sshd is asked to reload and not waited for, and takes no login for a moment then. */
async function clockIs(host: FleetHost, { aheadS }: { readonly aheadS: number }): Promise<void> {
  await waitUntil(
    async () => {
      const { stdout } = await host.ssh(["date", "+%s"]);
      return Math.abs(Number(stdout) - Date.now() / 1000 - aheadS) < 60;
    },
    { timeoutMs: 30_000, what: `logins of ${host.name} to be ${aheadS} s ahead` },
  );
}
