import { sealBytes } from "../age/seal.ts";
import { SecretsError } from "../errors.ts";
import type { PluginOptions } from "../keys/plugins/options.ts";
import type { Plaintext } from "../plaintext.ts";
import { lockEntry } from "./rekey.ts";
import { replaceFiles } from "./replace-files.ts";
import type { Repository, SecretState } from "./repository.ts";

export interface WriteSecretOptions {
  /** The file as it was when its content was read, when it was; default: as the repository was read. */
  readonly replaces?: string | undefined;
  /** Where the plugins of recipients are, and whom they ask. */
  readonly plugins?: PluginOptions | undefined;
}

/**
 * Gives a secret new content, encrypted to its rule's readers. Needs no identity. Whoever was exposed to the old content
 * is not to the new.
 * @throws SecretsError `secrets/empty`, or `secrets/changed-meanwhile` when the file is not the one it was.
 */
export async function writeSecret(
  { rules }: Repository,
  secret: SecretState,
  { plaintext, replaces, plugins }: WriteSecretOptions & { readonly plaintext: Plaintext },
): Promise<void> {
  const { rule, file } = secret;
  if (plaintext.reveal().length === 0) {
    throw new SecretsError("secrets/empty", `${rule.name} would be empty`, {
      hint: "nothing was written; a secret that says nothing is a slip of the hand",
    });
  }
  const ciphertext = await sealBytes(
    plaintext.reveal(),
    rule.readers.map(({ recipient }) => recipient),
    { armored: rule.armored, plugins },
  );
  const before = file === undefined ? undefined : { ...file.known, ciphertext: replaces ?? file.known.ciphertext };
  await replaceFiles(rules.directory, [
    { rule, ciphertext, entry: lockEntry(secret, { sameContent: false }), replaces: before },
  ]);
}
