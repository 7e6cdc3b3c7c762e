/**
 * Folders in memory, for what sandbox hosts must not have on a disk. Each sandbox has one, of which the name says whose it
 * is, so that what a killed process left behind is known:
 *
 *     "skep-sandbox-" process-namespace "-" process-id "-" 6random
 */
import { lstat, mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { isInMemory } from "#secrets";
import { isAlive } from "./is-alive.ts";

/**
 * Makes a folder on a tmpfs that only its owner can enter, and first removes those of processes that are no more.
 * @returns undefined where there is no tmpfs, as on macOS.
 */
export async function makeTmpfsFolder(): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  const prefix = await ownPrefix();
  for (const base of [process.env.XDG_RUNTIME_DIR, "/dev/shm"]) {
    if (base?.startsWith("/") !== true || !(await isInMemory(base))) continue;
    await sweep(base, prefix);
    try {
      return await mkdtemp(join(base, `${prefix}${process.pid}-`));
    } catch {
      // One that cannot be written to is as good as none.
    }
  }
  return undefined;
}

/** A process id says something within its own namespace only, and a tmpfs may be shared by several. */
async function ownPrefix(): Promise<string> {
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
  return `skep-sandbox-${namespace.replaceAll(/\D/g, "")}-`;
}

async function sweep(base: string, prefix: string): Promise<void> {
  for (const name of await readdir(base).catch(() => [])) {
    const pid = name.startsWith(prefix) ? /^(\d+)-\w+$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    const folder = join(base, name);
    try {
      const found = await lstat(folder);
      if (found.isDirectory() && found.uid === process.getuid?.()) await rm(folder, { recursive: true, force: true });
    } catch {
      // Another process sweeps too.
    }
  }
}
