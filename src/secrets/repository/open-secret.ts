import { openBytes } from "../age/open.ts";
import { SecretsError } from "../errors.ts";
import type { Identity } from "../keys/identity.ts";
import type { Plaintext } from "../plaintext.ts";
import type { SecretRule } from "../rules/rules.ts";
import { describeReader } from "../rules/rules.ts";
import type { KnownFile } from "./lock-file.ts";
import { hashOf, readCiphertext } from "./repository.ts";

export interface OpenedSecret extends Disposable {
  readonly plaintext: Plaintext;
  /** `sha256:…` of the file that was opened. */
  readonly ciphertext: KnownFile["ciphertext"];
}

/**
 * Opens a secret in memory. Dispose it to overwrite it.
 * @throws SecretsError `secrets/missing`, `secrets/cannot-open`, `secrets/not-age` or `secrets/damaged`, with its name;
 * `secrets/passphrase` or `secrets/plugin`, where it is the identity that fails.
 */
export async function openSecret(rule: SecretRule, identities: readonly Identity[]): Promise<OpenedSecret> {
  const bytes = readCiphertext(rule.file);
  if (bytes === undefined) {
    throw new SecretsError("secrets/missing", `there is no ${rule.name} yet: ${rule.file} is not there`, {
      hint: `make it with: skep secrets add ${rule.name}`,
    });
  }
  try {
    const plaintext = await openBytes(bytes, identities);
    return {
      plaintext,
      ciphertext: hashOf(bytes),
      [Symbol.dispose]: () => {
        plaintext[Symbol.dispose]();
      },
    };
  } catch (error) {
    if (!(error instanceof SecretsError) || ["secrets/passphrase", "secrets/plugin"].includes(error.code)) throw error;
    const hint = error.code === "secrets/cannot-open" ? hintFor(rule, identities) : error.hint;
    throw new SecretsError(error.code, `cannot open ${rule.name}: ${error.message}`, { hint, cause: error.cause });
  }
}

function hintFor({ readers }: SecretRule, identities: readonly Identity[]): string {
  const tried = [...new Set(identities.map(({ label }) => label))].join(", ");
  const keepers = readers.filter(({ role }) => role !== "host").map(describeReader);
  return `tried ${tried === "" ? "nothing: there is no identity" : tried}; its rule names ${keepers.join(", ")}; give one with --identity or SKEP_IDENTITY`;
}
