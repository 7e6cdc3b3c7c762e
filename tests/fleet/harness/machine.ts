import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hasUnifiedCgroups } from "./cgroup.ts";

/** The exit code of nspawn that asks to be started again. */
const REBOOT = 133;
const ENTER_CGROUPS = 'for group in $CGROUPS; do echo $$ > "$group/cgroup.procs"; done; exec "$@"';

export interface MachineOptions {
  /** The machine's and its network namespace's name. */
  readonly name: string;
  readonly root: string;
  readonly cgroups: readonly string[];
  /** What the machine prints while it boots is appended here. */
  readonly consoleFile: string;
}

/** A Debian system with systemd as its first process, in a container that reboots like a machine. */
export interface Machine {
  /** The pid, on the operator's side, of the machine's first process; undefined while it is off. */
  leader(): Promise<number | undefined>;
  /** Starts it; a machine that runs is left alone. */
  powerOn(): void;
  /** Pulls the plug: every process of the machine is killed at once. */
  powerOff(): Promise<void>;
}

export function createMachine(options: MachineOptions): Machine {
  let wanted = false;
  let running: { readonly nspawn: ChildProcess; readonly ended: Promise<unknown> } | undefined;

  const start = (): void => {
    const nspawn = spawnNspawn(options);
    running = { nspawn, ended: once(nspawn, "exit") };
    nspawn.once("exit", (code) => {
      running = undefined;
      if (wanted && code === REBOOT) start();
    });
  };
  const leader = async (): Promise<number | undefined> =>
    running?.nspawn.pid === undefined ? undefined : firstProcessUnder(running.nspawn.pid);

  return {
    leader,
    powerOn() {
      wanted = true;
      if (running === undefined) start();
    },
    async powerOff() {
      wanted = false;
      while (running !== undefined) {
        const { nspawn, ended } = running;
        const first = await leader();
        // nspawn follows its container; only one that has none yet is ended itself.
        if (first === undefined) nspawn.kill("SIGKILL");
        else process.kill(first, "SIGKILL");
        await ended;
      }
    },
  };
}

function spawnNspawn({ name, root, cgroups, consoleFile }: MachineOptions): ChildProcess {
  const nspawn = [
    "systemd-nspawn",
    "--quiet",
    `--machine=${name}`,
    "--register=no",
    "--keep-unit",
    "--capability=CAP_NET_ADMIN",
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
    `--network-namespace-path=/run/netns/${name}`,
    `--directory=${root}`,
    "--boot",
  ];
  const console = openSync(consoleFile, "a");
  try {
    // A session of its own: Ctrl-C in the tests' terminal is the tests' to handle.
    return spawn("sh", ["-c", ENTER_CGROUPS, "sh", ...nspawn], {
      detached: true,
      stdio: ["ignore", console, console],
      env: {
        PATH: process.env.PATH,
        CGROUPS: cgroups.join(" "),
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: hasUnifiedCgroups() ? "1" : "0",
      },
    });
  } finally {
    closeSync(console);
  }
}

/** The child of nspawn that is process 1 of a pid namespace of its own. */
async function firstProcessUnder(pid: number): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  for (const child of children.split(" ").filter((word) => word !== "")) {
    const status = await readFile(`/proc/${child}/status`, "utf8").catch(() => "");
    if (/^NSpid:\t\d+\t1$/m.test(status)) return Number(child);
  }
  return undefined;
}
