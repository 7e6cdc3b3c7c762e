import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { HiveRevision } from "#activation";
import type { Hive } from "#hive";
import { ARTIFACTS_FOLDER, STATE_FOLDER } from "#hive";

const run = promisify(execFile);

/** The hive's folder, without what skep itself keeps there. */
const HIVE = [".", ...[STATE_FOLDER, ARTIFACTS_FOLDER].map((folder) => `:(exclude)${folder}`)];

/** Which git commit the hive's folder is at, and whether it was changed since. Outside of git, or without it: null. */
export async function readRevision(hive: Hive): Promise<HiveRevision> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await run("git", ["-C", hive.directory, ...args], { timeout: 10_000, maxBuffer: 16 * 2 ** 20 });
    return stdout.trim();
  };
  try {
    const revision = await git("rev-parse", "HEAD");
    const changes = await git("status", "--porcelain", "--untracked-files=normal", "--", ...HIVE);
    return { name: hive.name, revision, dirty: changes !== "" };
  } catch {
    return { name: hive.name, revision: null, dirty: false };
  }
}
