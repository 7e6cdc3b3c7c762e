import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { SecretsError } from "#secrets";
import { findHive } from "../find-hive.ts";

const NAMES = ["secrets.ts", "secrets.mts", "secrets.js", "secrets.mjs", "secrets.nix"] as const;
const HINT =
  "write a secrets/secrets.ts that ends with: export default defineSecrets({ … }), or name one with --secrets";

export interface FindRulesOptions {
  /** What `--secrets` names: a file, or a folder with one in it. */
  readonly file?: string | undefined;
  /** What `--hive` names. */
  readonly hive?: string | undefined;
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<NodeJS.ProcessEnv>;
}

/**
 * The absolute path of the secrets file: the one `file` names, else the one in `secrets` beside the hive that `hive`
 * names, else the nearest upwards from `cwd`, in a folder `secrets` or in the folder itself.
 * @throws SecretsError `secrets/rules-not-found`.
 */
export async function findRules({ file, hive, cwd, env }: FindRulesOptions): Promise<string> {
  if (file !== undefined) {
    const path = resolve(cwd, file);
    return (
      (await firstFile([path, ...inFolder(path)])) ??
      notFound(`there is no secrets file ${path}, which --secrets names`)
    );
  }
  if (hive !== undefined) {
    const folder = join(dirname(await findHive({ file: hive, cwd, env })), "secrets");
    return (await firstFile(inFolder(folder))) ?? notFound(`there is no ${NAMES.join(", ")} in ${folder}`);
  }
  for (let folder = cwd; ; folder = dirname(folder)) {
    const found = await firstFile([...inFolder(join(folder, "secrets")), ...inFolder(folder)]);
    if (found !== undefined) return found;
    if (dirname(folder) === folder) return notFound(`no secrets file was found in ${cwd} or a folder above it`);
  }
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
