import { createHash } from "node:crypto";
import { messageOf } from "#core";
import { loadAge } from "../age/library.ts";
import type { FileKeyWrapper } from "../age/stanza.ts";
import { encodeBase64 } from "../age/stanza.ts";
import { SecretsError } from "../errors.ts";
import { sshRecipient } from "./ssh-public-key.ts";

export type RecipientKind = "ssh-ed25519" | "ssh-rsa" | "x25519" | "post-quantum";

/** Somebody who can be encrypted to; made by {@link parseRecipient} only. */
export interface Recipient extends FileKeyWrapper {
  readonly kind: RecipientKind;
  /** As a recipients file holds it, without a comment. */
  readonly text: string;
  /** A short name that is different for every key: an SSH fingerprint, or what age calls it. */
  readonly id: string;
  /** What its stanzas call it by; age's own recipients cannot be told from each other. */
  readonly tag: string | undefined;
}

/**
 * The recipient that a text names: `ssh-ed25519 AAAA… comment`, `ssh-rsa AAAA…`, `age1…` or `age1pq1…`.
 * @throws SecretsError `secrets/recipient`: with the reason where it is a key that age cannot use.
 */
export async function parseRecipient(text: string): Promise<Recipient> {
  const line = text.trim();
  if (line.startsWith("AGE-SECRET-KEY-") || line.includes("PRIVATE KEY")) {
    // Not a word of it is shown.
    throw new SecretsError("secrets/recipient", "a private key stands where a public one is expected", {
      hint: "it is no secret any more where others can read this file: make a new one",
    });
  }
  if (/^(ssh-|ecdsa-|sk-)/.test(line)) return sshRecipient(line);
  if (line.startsWith("age1")) return ageRecipient(line);
  throw new SecretsError("secrets/recipient", `cannot encrypt to "${shorten(line)}": it is not a recipient`, {
    hint: "a recipient starts with ssh-ed25519, ssh-rsa, age1 or age1pq1",
  });
}

async function ageRecipient(text: string): Promise<Recipient> {
  const postQuantum = text.startsWith("age1pq1");
  const plugin = /^age1([a-z0-9+._-]+)1/.exec(text)?.[1];
  if (plugin !== undefined && !postQuantum) {
    throw new SecretsError(
      "secrets/recipient",
      `cannot encrypt to "${shorten(text)}": it needs age-plugin-${plugin}, and plugins are not run`,
    );
  }
  const { Encrypter } = await loadAge();
  try {
    new Encrypter().addRecipient(text);
  } catch (error) {
    throw new SecretsError("secrets/recipient", `cannot encrypt to "${shorten(text)}": ${messageOf(error)}`, {
      hint: "compare it with what age-keygen -y prints",
    });
  }
  return {
    kind: postQuantum ? "post-quantum" : "x25519",
    text,
    id: postQuantum ? `age1pq1:SHA256:${encodeBase64(createHash("sha256").update(text).digest())}` : text,
    tag: undefined,
    postQuantum,
    wrap: text,
  };
}

function shorten(text: string): string {
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}
