import { randomBytes } from "node:crypto";
import { readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "#core";
import { SandboxError } from "./errors.ts";
import { isAlive } from "./is-alive.ts";

/**
 * Keeps other sandboxes from a folder until disposed of, or until this process is no more. The lock is a link to the
 * process's id, for making one is atomic.
 * @throws SandboxError `sandbox/folder` when another sandbox has it.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const lock = join(folder, "lock");
  while (!(await makeLock(lock))) {
    const holder = await readHolder(lock);
    if (holder === undefined) continue;
    if (isAlive(Number(holder))) {
      throw new SandboxError("sandbox/folder", `${folder} is in use by the sandbox of process ${holder}`, {
        hint: `end that one first, or give another folder; if process ${holder} is something else, remove ${lock}`,
      });
    }
    await removeLock(lock, holder);
  }
  return {
    [Symbol.asyncDispose]: () => rm(lock, { force: true }),
  };
}

async function makeLock(lock: string): Promise<boolean> {
  try {
    await symlink(String(process.pid), lock);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Undefined when the lock was let go just now. */
async function readHolder(lock: string): Promise<string | undefined> {
  try {
    return await readlink(lock);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Removes the lock of a process that is no more, and gives it back when somebody else has replaced it meanwhile. */
async function removeLock(lock: string, holder: string): Promise<void> {
  const aside = `${lock}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(lock, aside);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  if ((await readlink(aside)) === holder) await rm(aside);
  else await rename(aside, lock);
}
