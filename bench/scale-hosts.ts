import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./compile.ts";

/** Where a host is, as a hive's target says it. */
export interface ScaleTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly hostKey: string;
  /** The folder that is its `/`. */
  readonly root: string;
}

export interface ScaleHost {
  readonly name: string;
  readonly target: ScaleTarget;
}

/** Sandbox hosts in processes of their own, so that what they cost is nobody else's. */
export interface ScaleHosts extends AsyncDisposable {
  readonly hosts: readonly ScaleHost[];
}

/** One process serves as many before it, and not the operator, decides how long things take. */
const HOSTS_A_PROCESS = 100;
/** In memory where that can be, so that the hosts' disks decide nothing. */
const MEMORY = "/dev/shm";

/** Starts `web-1` and so on. */
export async function startScaleHosts(count: number): Promise<ScaleHosts> {
  const sandboxes: ScaleHosts[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(sandboxes.map((sandbox) => sandbox[Symbol.asyncDispose]()));
  };
  const names = Array.from({ length: count }, (_, index) => `web-${index + 1}`);
  try {
    // One after the other: each makes a hundred keys, folders and servers.
    for (let start = 0; start < count; start += HOSTS_A_PROCESS) {
      sandboxes.push(await startSandbox(names.slice(start, start + HOSTS_A_PROCESS)));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { hosts: sandboxes.flatMap(({ hosts }) => hosts), [Symbol.asyncDispose]: stop };
}

async function startSandbox(names: readonly string[]): Promise<ScaleHosts> {
  const argv = [join(ROOT, "dist/cli/main.js"), "sandbox", "--hosts", names.join(","), "--json"];
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, ...(existsSync(MEMORY) ? { TMPDIR: MEMORY } : {}) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGINT");
    await exited;
  };
  try {
    let described = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      described += chunk as string;
      // It goes on until it is told to end; its description ends here.
      if (described.endsWith("\n}\n")) break;
    }
    const { hosts } = JSON.parse(described) as { readonly hosts: readonly ScaleHost[] };
    return { hosts, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
