import { readFile, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Argv } from "#core";
import { quoteArgv } from "#core";
import type { FleetClient, HostKeys } from "./client.ts";
import type { ImageName } from "./image-recipe.ts";
import type { Machine } from "./machine.ts";
import { setCable } from "./network.ts";
import type { Outcome, RunLocalOptions } from "./run.ts";
import { must, run } from "./run.ts";
import { waitUntil } from "./wait.ts";

type RunOnHostOptions = Pick<RunLocalOptions, "stdin" | "signal" | "timeoutMs">;

interface WaitForHostOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default 60,000. */
  readonly timeoutMs?: number | undefined;
}

/** One real host: systemd, sshd and (but for `bookworm-without-nix`) Nix, in a network namespace of its own. */
export interface FleetHost {
  readonly name: string;
  readonly suite: ImageName;
  readonly address: string;
  readonly hostKeys: HostKeys;
  /** The host's root file system, seen from outside. */
  readonly root: string;
  /** Names its network namespace, link and control group on this machine. */
  readonly machineName: string;

  /** Runs a command through the real OpenSSH client, as `root` unless told otherwise. Its argv arrives as it is. */
  ssh(argv: Argv, options?: RunOnHostOptions & { readonly user?: "root" | "deploy" | undefined }): Promise<Outcome>;
  /** Runs a command as root within the host without sshd or network: the way in when there is no other. */
  inside(argv: Argv, options?: RunOnHostOptions): Promise<Outcome>;
  /** `inside` for a command that has to succeed: its standard output, without the last newline. */
  read(argv: Argv, options?: RunOnHostOptions): Promise<string>;

  bootId(): Promise<string>;
  /** Waits until the host has finished booting: systemd is `running` or `degraded`. */
  booted(options?: WaitForHostOptions): Promise<void>;
  /** `systemctl reboot`, and waits until another boot has finished. */
  reboot(options?: WaitForHostOptions): Promise<void>;
  /** Pulls the plug. What was written to the disk stays. */
  powerOff(): Promise<void>;
  /** Starts the host and waits until it has booted. */
  powerOn(options?: WaitForHostOptions): Promise<void>;

  /** Pulls the network cable outside the host: connections hang, nothing is refused. */
  cutNetwork(): Promise<void>;
  restoreNetwork(): Promise<void>;

  /** Takes all of the disk but `leaveBytes` (default 0). Only for a host made with a `disk` size. */
  fillDisk(options?: { readonly leaveBytes?: number }): Promise<void>;
  freeDisk(): Promise<void>;

  /** What a service on the host answers to `GET /`; undefined when nothing does within 2 s. */
  http(port?: number): Promise<HttpAnswer | undefined>;

  /** The journal of this boot, of one unit if named: for understanding a failed test. */
  journal(unit?: string): Promise<string>;
  /** What the host printed while booting. */
  console(): Promise<string>;
}

interface HttpAnswer {
  readonly status: number;
  /** Without surrounding white space. */
  readonly body: string;
}

export interface HostParts {
  readonly name: string;
  readonly suite: ImageName;
  readonly address: string;
  readonly machineName: string;
  readonly hostKeys: HostKeys;
  readonly root: string;
  readonly consoleFile: string;
  readonly machine: Machine;
  readonly client: FleetClient;
  readonly diskIsLimited: boolean;
}

const BOOT_TIMEOUT_MS = 60_000;
const HTTP_TIMEOUT_MS = 2_000;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const FILL = "fleet-fill";
/**
 * Stands between this machine and a command in a host's pid namespace. nsenter's own fork stops itself when its child is
 * stopped, as systemd does to every process before a reboot; then nobody waits for the child, and the host never goes down.
 */
const RUN_AND_WAIT = ["sh", "-c", '"$@"; exit $?', "sh"];

export function makeHost(parts: HostParts): FleetHost {
  const { name, suite, address, machineName, hostKeys, root, consoleFile, machine, client, diskIsLimited } = parts;

  const inside: FleetHost["inside"] = async (argv, options) => {
    const leader = await machine.leader();
    if (leader === undefined) throw new Error(`${name} is off`);
    const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--no-fork", "--cgroup", "--root", "--wd"];
    const environment = ["env", "-i", `PATH=${PATH}`, "HOME=/root", "LC_ALL=C.UTF-8"];
    return run(
      ["nsenter", `--target=${leader}`, ...namespaces, "--", ...environment, ...RUN_AND_WAIT, ...argv],
      options,
    );
  };
  const read: FleetHost["read"] = async (argv, options) => {
    const { exitCode, stdout, stderr } = await inside(argv, options);
    if (exitCode !== 0) throw new Error(`${name}: ${argv.join(" ")} failed with exit code ${exitCode}\n${stderr}`);
    return stdout.trimEnd();
  };
  const bootId = async (): Promise<string> => read(["cat", "/proc/sys/kernel/random/boot_id"]);
  const console = async (): Promise<string> => readFile(consoleFile, "utf8");

  const awaitBoot = async (isAnother: () => Promise<boolean>, options: WaitForHostOptions = {}): Promise<void> => {
    const { signal, timeoutMs = BOOT_TIMEOUT_MS } = options;
    const attempt = async (): Promise<boolean> => {
      if ((await machine.leader()) === undefined || !(await isAnother().catch(() => false))) return false;
      // Ended from within when it gets no answer: killed from without, it would be left to this machine's init, and a host
      // cannot go down as long as that has not taken notice of it.
      const ask = ["timeout", "--signal=KILL", "8", "systemctl", "is-system-running"] as const;
      const { stdout } = await inside(ask, { timeoutMs: 60_000, signal });
      return ["running", "degraded"].includes(stdout.trim());
    };
    try {
      await waitUntil(attempt, { timeoutMs, what: `${name} to boot`, signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw new Error(`${name} did not boot; the last it printed:\n${lastLines(await console())}`, { cause: error });
    }
  };
  const booted: FleetHost["booted"] = async (options) => awaitBoot(async () => Promise.resolve(true), options);

  return {
    name,
    suite,
    address,
    hostKeys,
    root,
    machineName,
    async ssh(argv, { user = "root", ...options } = {}) {
      return run(["ssh", "-F", client.configFile, "-l", user, name, "--", quoteArgv(argv)], options);
    },
    inside,
    read,
    bootId,
    booted,
    async reboot(options) {
      const before = await bootId();
      await read(["systemctl", "reboot"]);
      await awaitBoot(async () => (await bootId()) !== before, options);
    },
    powerOff: async () => machine.powerOff(),
    async powerOn(options) {
      machine.powerOn();
      await booted(options);
    },
    cutNetwork: async () => setCable(machineName, "down"),
    restoreNetwork: async () => setCable(machineName, "up"),
    async fillDisk({ leaveBytes = 0 } = {}) {
      if (!diskIsLimited) throw new Error(`${name} has no disk of its own to fill: make it with a disk size`);
      const { bavail, bsize } = await statfs(root);
      const bytes = Math.floor((bavail * bsize - leaveBytes) / bsize) * bsize;
      if (bytes > 0) await must(["fallocate", "--length", String(bytes), join(root, FILL)]);
    },
    async freeDisk() {
      await rm(join(root, FILL), { force: true });
    },
    http: async (port = 8080) => getRoot(`http://${address}:${port}/`),
    async journal(unit) {
      const ofUnit = unit === undefined ? [] : ["--unit", unit];
      return read(["journalctl", "--boot", "--no-pager", "--output=short-precise", ...ofUnit]);
    },
    console,
  };
}

async function getRoot(url: string): Promise<HttpAnswer | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) });
    return { status: response.status, body: (await response.text()).trim() };
  } catch {
    return undefined;
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-15).join("\n");
}
