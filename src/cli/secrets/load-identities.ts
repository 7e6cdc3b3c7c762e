import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { errnoOf, messageOf } from "#core";
import type { Identity } from "#secrets";
import { parseIdentities, SecretsError, usePlugins } from "#secrets";
import type { Terminal } from "../terminal.ts";
import { openPrompts } from "./open-prompts.ts";

const DEFAULTS = [".ssh/id_ed25519", ".ssh/id_rsa"] as const;

/**
 * The identities of the files that the command line names; when it names none, those of SSH's default keys that are there.
 * @throws SecretsError `secrets/identity`.
 */
export async function loadIdentities(
  files: readonly string[] | undefined,
  { cwd, env, stderr }: Terminal,
): Promise<readonly Identity[]> {
  const { askPassphrase, plugins: prompts } = openPrompts({ stderr });
  const plugins = usePlugins({ path: env.PATH ?? "", prompts });
  const named = files?.map((file) => resolve(cwd, file));
  const home = env.HOME;
  const paths = named ?? (home === undefined ? [] : DEFAULTS.map((file) => join(home, file)));
  const identities = await Promise.all(
    paths.map(async (path) => {
      const text = await readIdentityFile(path, { mustBeThere: named !== undefined });
      if (text === undefined) return [];
      const readPublicKey = (): Promise<string | undefined> => readIdentityFile(`${path}.pub`, { mustBeThere: false });
      return await parseIdentities(text, { file: path, askPassphrase, plugins, readPublicKey });
    }),
  );
  return identities.flat();
}

async function readIdentityFile(
  path: string,
  { mustBeThere }: { readonly mustBeThere: boolean },
): Promise<string | undefined> {
  try {
    return (await readFile(path)).toString("latin1");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" && !mustBeThere) return undefined;
    throw new SecretsError("secrets/identity", `cannot read the identity file ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
