import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { SecretsError } from "#secrets";
import { findHive } from "../hive/find-hive.ts";

const NAMES = ["secrets.ts", "secrets.mts", "secrets.js", "secrets.mjs", "secrets.nix"] as const;
const HINT =
  "write a secrets/secrets.ts that ends with: export default defineSecrets({ … }), or name one with --secrets";

export interface FindRulesOptions {
  /** What `--secrets` names: a file, or a folder with one in it. */
  readonly file?: string | undefined;
  /** What `--hive` names. */
  readonly hive?: string | undefined;
  /** The folder of a hive that is loaded already, absolute. */
  readonly beside?: string | undefined;
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<NodeJS.ProcessEnv>;
}

/**
 * The absolute path of the secrets file: the one `file` names, else the one beside the hive that is loaded or that
 * `hive` or `SKEP_HIVE` names, else the nearest upwards from `cwd`; in a folder `secrets` or in the folder itself.
 * @throws SecretsError `secrets/rules-not-found`.
 */
export async function findRules({ file, hive, beside, cwd, env }: FindRulesOptions): Promise<string> {
  if (file !== undefined) {
    const path = resolve(cwd, file);
    return (
      (await firstFile([path, ...inFolder(path)])) ??
      notFound(`there is no secrets file ${path}, which --secrets names`)
    );
  }
  const isNamed = hive !== undefined || Boolean(env.SKEP_HIVE);
  const home = beside ?? (isNamed ? dirname(await findHive({ file: hive, cwd, env })) : undefined);
  if (home !== undefined) {
    const folder = join(home, "secrets");
    return (await rulesOf(home)) ?? notFound(`there is no ${NAMES.join(", ")} in ${folder}, beside the hive`);
  }
  for (let folder = cwd; ; folder = dirname(folder)) {
    const found = await rulesOf(folder);
    if (found !== undefined) return found;
    if (dirname(folder) === folder) return notFound(`no secrets file was found in ${cwd} or a folder above it`);
  }
}

function rulesOf(folder: string): Promise<string | undefined> {
  return firstFile([...inFolder(join(folder, "secrets")), ...inFolder(folder)]);
}

function inFolder(folder: string): readonly string[] {
  return NAMES.map((name) => join(folder, name));
}

async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      if ((await stat(path)).isFile()) return path;
    } catch {
      // The next one, then.
    }
  }
  return undefined;
}

function notFound(message: string): never {
  throw new SecretsError("secrets/rules-not-found", message, { hint: HINT });
}
