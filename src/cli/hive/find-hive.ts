import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HiveError } from "#hive";

const NAMES = ["hive.ts", "hive.mts", "hive.js", "hive.mjs"] as const;
const HINT =
  "write a hive.ts that ends with: export default defineHive({ hosts: { … } }), or name one with --hive or SKEP_HIVE";

export interface FindHiveOptions {
  /** What `--hive` names: a file, or a folder with a `hive.ts` in it. Relative to `cwd`. */
  readonly file?: string | undefined;
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The absolute path of the hive file: the one `file` names, else the one `SKEP_HIVE` names, else the first `hive.ts`
 * (`.mts`, `.js`, `.mjs`) in `cwd` or the nearest folder above it.
 * @throws HiveError `hive/not-found` with the places it was looked for.
 */
export async function findHive({ file, cwd, env }: FindHiveOptions): Promise<string> {
  if (file !== undefined) return named(file, { by: "--hive", cwd });
  if (env.SKEP_HIVE) return named(env.SKEP_HIVE, { by: "SKEP_HIVE", cwd });
  const folders = foldersUpwards(cwd);
  for (const folder of folders) {
    const found = await hiveIn(folder);
    if (found !== undefined) return found;
  }
  const message = `no hive was found: there is no ${NAMES.join(", ")} in any of ${folders.join(", ")}`;
  throw new HiveError("hive/not-found", message, { hint: HINT });
}

async function named(file: string, { by, cwd }: { readonly by: string; readonly cwd: string }): Promise<string> {
  const path = resolve(cwd, file);
  const kind = await kindOf(path);
  if (kind === "file") return path;
  const inside = kind === "folder" ? await hiveIn(path) : undefined;
  if (inside !== undefined) return inside;
  const message =
    kind === "folder"
      ? `the folder ${path}, which ${by} names, has no ${NAMES.join(", ")} in it`
      : `there is no file ${path}, which ${by} names`;
  throw new HiveError("hive/not-found", message, { hint: HINT });
}

function foldersUpwards(folder: string): readonly string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersUpwards(parent)];
}

async function hiveIn(folder: string): Promise<string | undefined> {
  for (const name of NAMES) {
    const path = join(folder, name);
    if ((await kindOf(path)) === "file") return path;
  }
  return undefined;
}

async function kindOf(path: string): Promise<"file" | "folder" | "nothing"> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? "folder" : "file";
  } catch {
    return "nothing";
  }
}
