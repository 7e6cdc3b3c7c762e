import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { errnoOf, makeFolder, messageOf } from "#core";
import { generateIdentity, parseRecipient } from "#secrets";
import { CliError } from "../errors.ts";
import { ownIdentityFile } from "../secrets/identity-files.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Who reads the secrets that are made. */
export interface Reader {
  /** Public keys, as a recipients file holds them. */
  readonly recipients: readonly string[];
  /** Where the private half is, when it is no SSH key. */
  readonly identityFile?: string | undefined;
  /** Makes the private half, where there is none yet. */
  readonly save?: (() => Promise<void>) | undefined;
}

const SSH_KEYS = [".ssh/id_ed25519.pub", ".ssh/id_rsa.pub"] as const;
const HINT = "name a public key: skep init --recipient age1…, or make one: ssh-keygen -t ed25519";

/**
 * The keys that may read the secrets of the fleet: those that the command line names, else the operator's SSH key, else an
 * age identity in `~/.config/skep`, which is made when it is not there. No private key is ever written into `folder`.
 * @throws SecretsError `secrets/recipient`; CliError `cli/init` where a private key has no place to be.
 */
export async function findReader(
  named: readonly string[] | undefined,
  { folder, env }: { readonly folder: string; readonly env: Terminal["env"] },
): Promise<Reader> {
  if (named !== undefined) return { recipients: await Promise.all(named.map(readRecipient)) };
  const home = env.HOME ?? "";
  const identityFile = ownIdentityFile(env);
  if (home === "" || identityFile === undefined) {
    throw new CliError("cli/init", "cannot tell whose the secrets are: HOME is not set, so there is no SSH key", {
      hint: HINT,
    });
  }
  for (const file of SSH_KEYS) {
    const text = await readIfThere(join(home, file));
    if (text !== undefined) return { recipients: [await readRecipient(text)] };
  }
  if (!relative(folder, identityFile).startsWith("..")) {
    throw new CliError("cli/init", `a new private key would lie in ${folder}, beside the secrets it opens`, {
      hint: HINT,
    });
  }
  return readerOf(identityFile, await readIfThere(identityFile));
}

async function readerOf(identityFile: string, text: string | undefined): Promise<Reader> {
  const recipient = /^# public key: (age1\S+)$/m.exec(text ?? "")?.[1];
  if (recipient !== undefined) return { recipients: [await readRecipient(recipient)], identityFile };
  if (text !== undefined) {
    throw new CliError("cli/init", `${identityFile} does not say which public key it belongs to`, {
      hint: `name it: skep init --recipient "$(age-keygen -y ${identityFile})"`,
    });
  }
  const pair = await generateIdentity();
  const save = async (): Promise<void> => {
    await makeFolder(dirname(identityFile), { mode: 0o700 });
    await writeFile(identityFile, pair.identityFile.reveal(), { mode: 0o600, flag: "wx" });
  };
  return { recipients: [pair.recipient], identityFile, save };
}

/** Checked, and without the comment, which may name a person and a machine. */
async function readRecipient(text: string): Promise<string> {
  return (await parseRecipient(text)).text;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new CliError("cli/init", `cannot read ${path}: ${messageOf(error)}`, { hint: HINT, cause: error });
  }
}
