import { readFile } from "node:fs/promises";
import { errnoOf, messageOf } from "#core";
import type { Identity } from "#secrets";
import { parseIdentities, SecretsError, usePlugins } from "#secrets";
import type { Terminal } from "../terminal/terminal.ts";
import type { IdentityFiles } from "./identity-files.ts";
import { identityFiles } from "./identity-files.ts";
import { openPrompts } from "./open-prompts.ts";

/**
 * The identities of {@link identityFiles}: of all that are named, and of those of the usual places that are there.
 * @throws SecretsError `secrets/identity`.
 */
export async function loadIdentities(
  files: readonly string[] | undefined,
  { cwd, env, stderr }: Terminal,
): Promise<readonly Identity[]> {
  const { askPassphrase, plugins: prompts } = openPrompts({ stderr });
  const plugins = usePlugins({ path: env.PATH ?? "", prompts });
  const { paths, by } = identityFiles(files, { cwd, env });
  const identities = await Promise.all(
    paths.map(async (path) => {
      const text = await readIdentityFile(path, { by });
      if (text === undefined) return [];
      const readPublicKey = (): Promise<string | undefined> => readIdentityFile(`${path}.pub`, { by: undefined });
      return await parseIdentities(text, { file: path, askPassphrase, plugins, readPublicKey });
    }),
  );
  return identities.flat();
}

async function readIdentityFile(path: string, { by }: Pick<IdentityFiles, "by">): Promise<string | undefined> {
  try {
    return (await readFile(path)).toString("latin1");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" && by === undefined) return undefined;
    throw new SecretsError("secrets/identity", `cannot read the identity file ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: by === "SKEP_IDENTITY" ? "SKEP_IDENTITY names it: a path, or several with : between" : undefined,
    });
  }
}
