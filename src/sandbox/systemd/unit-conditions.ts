import { access, constants, readdir, stat } from "node:fs/promises";
import { resolveInRoot } from "../resolve-in-root.ts";
import type { Unit } from "./unit-files.ts";

/** What a condition asks of a path below the root. */
type PathTest = (place: string) => Promise<boolean>;

/** The conditions that a sandbox host knows; others count as met. */
const TESTS: Readonly<Record<string, PathTest>> = {
  ConditionPathExists: async (place) => (await stat(place), true),
  ConditionPathIsDirectory: async (place) => (await stat(place)).isDirectory(),
  ConditionPathIsReadWrite: async (place) => (await access(place, constants.W_OK), true),
  ConditionDirectoryNotEmpty: async (place) => (await readdir(place)).length > 0,
  ConditionFileNotEmpty: async (place) => ((found) => found.isFile() && found.size > 0)(await stat(place)),
  ConditionFileIsExecutable: async (place) =>
    ((found) => found.isFile() && (found.mode & 0o111) !== 0)(await stat(place)),
};

/**
 * Whether a unit's conditions let it start, systemd.unit(5): a `!` before the path turns one around; of those with a `|`
 * one must be met, and each of the others.
 */
export async function meetsConditions({ settings }: Unit, root: string): Promise<boolean> {
  const triggers: boolean[] = [];
  for (const [key, test] of Object.entries(TESTS)) {
    for (const value of settings.all("Unit", key)) {
      const [, trigger = "", not = "", path = ""] = /^(\|?)\s*(!?)\s*(.*)$/s.exec(value) ?? [];
      const holds = (await isMet(test, await resolveInRoot(root, path))) !== (not === "!");
      if (trigger === "|") triggers.push(holds);
      else if (!holds) return false;
    }
  }
  return triggers.length === 0 || triggers.includes(true);
}

async function isMet(test: PathTest, place: string): Promise<boolean> {
  try {
    return await test(place);
  } catch {
    return false;
  }
}
