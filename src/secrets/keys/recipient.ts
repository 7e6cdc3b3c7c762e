import { createHash } from "node:crypto";
import { messageOf } from "#core";
import { loadAge } from "../age/library.ts";
import type { FileKeyWrapper } from "../age/stanza.ts";
import { encodeBase64 } from "../age/stanza.ts";
import { SecretsError } from "../errors.ts";
import { pluginOfRecipient, programOf } from "./plugins/name.ts";
import { wrapWithPlugin } from "./plugins/wrap.ts";
import { sshRecipient } from "./ssh-public-key.ts";

export type RecipientKind =
  "ssh-ed25519" | "ssh-rsa" | "x25519" | "post-quantum" | "tag" | "tag-post-quantum" | "plugin";

/** As long as a plugin's usual recipient, and short enough for a lock file. */
const MAX_ID = 200;

/** Somebody who can be encrypted to; made by {@link parseRecipient} only. */
export interface Recipient extends FileKeyWrapper {
  readonly kind: RecipientKind;
  /** As a recipients file holds it, without a comment. */
  readonly text: string;
  /** A short name that is different for every key: an SSH fingerprint, or what age or the plugin calls it. */
  readonly id: string;
  /** What its stanzas call it by; age's own recipients and those of plugins cannot be told from each other. */
  readonly tag: string | undefined;
}

/**
 * The recipient that a text names: `ssh-ed25519 AAAA… comment`, `ssh-rsa AAAA…`, `age1…`, `age1pq1…`, or a
 * plugin's `age1NAME1…`.
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
  if (line.startsWith("AGE-PLUGIN-")) {
    throw new SecretsError("secrets/recipient", "an identity stands where a recipient is expected", {
      hint: "it may hold a secret; its plugin, or a comment in its file, tells its recipient, age1…",
    });
  }
  if (line.startsWith("age1")) return ageRecipient(line);
  throw new SecretsError("secrets/recipient", `cannot encrypt to "${shorten(line)}": it is not a recipient`, {
    hint: "a recipient starts with ssh-ed25519, ssh-rsa, age1 or age1pq1",
  });
}

/** The kinds that age knows by itself, by what stands between `age1` and the next `1`. */
const NATIVE_KINDS = {
  pq: "post-quantum",
  tag: "tag",
  tagpq: "tag-post-quantum",
} as const satisfies Record<string, RecipientKind>;

async function ageRecipient(text: string): Promise<Recipient> {
  const name = /^age1(.+)1/.exec(text)?.[1];
  if (name !== undefined && !(name in NATIVE_KINDS)) return pluginRecipient(text, name);
  const { Encrypter } = await loadAge();
  try {
    new Encrypter().addRecipient(text);
  } catch (error) {
    throw new SecretsError("secrets/recipient", `cannot encrypt to "${shorten(text)}": ${messageOf(error)}`, {
      hint: "compare it with what age-keygen -y prints",
    });
  }
  const kind = name === undefined ? "x25519" : NATIVE_KINDS[name as keyof typeof NATIVE_KINDS];
  return {
    kind,
    text,
    id: kind === "x25519" ? text : idOf(text),
    tag: undefined,
    postQuantum: kind.endsWith("post-quantum"),
    wrap: text,
  };
}

/** Only a plugin knows what its recipients are; what is mistyped shows here. */
function pluginRecipient(text: string, shown: string): Recipient {
  const name = pluginOfRecipient(text);
  if (name === undefined) {
    throw new SecretsError("secrets/recipient", `cannot encrypt to "${shorten(text)}": its checksum is wrong`, {
      hint: `compare it with what age-plugin-${shown} prints`,
    });
  }
  const program = programOf(name);
  return {
    kind: "plugin",
    text,
    id: text.length <= MAX_ID ? text : idOf(text),
    tag: undefined,
    postQuantum: undefined,
    wrap: {
      program,
      recipient: text,
      wrapAll: (fileKeys, { recipients, plugins }) => wrapWithPlugin(program, { recipients, fileKeys, plugins }),
    },
  };
}

/** A name for what is too long to be one. */
function idOf(text: string): string {
  return `${text.slice(0, text.lastIndexOf("1") + 1)}:SHA256:${encodeBase64(createHash("sha256").update(text).digest())}`;
}

function shorten(text: string): string {
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}
