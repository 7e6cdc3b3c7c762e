import type { FileKeyUnwrapper, LockedUnwrapper, Stanza } from "../age/stanza.ts";
import { inspectBytes, openBytes } from "../age/open.ts";
import type { Plaintext } from "../plaintext.ts";
import { unusable } from "./unusable.ts";
import type { Plugins } from "./plugins/identities.ts";
import { usePlugins } from "./plugins/identities.ts";
import { pluginOfIdentity } from "./plugins/name.ts";
import { isSshKey, sshIdentity } from "./ssh-identity.ts";
import type { AskPassphrase } from "./passphrase.ts";
import { withPassphrase } from "./passphrase.ts";
import { unwrapWithPassphrase } from "./scrypt.ts";

/** Somebody who can open files. */
export type Identity = (FileKeyUnwrapper | LockedUnwrapper) & {
  /** For messages: the file it came from. */
  readonly label: string;
};

export interface IdentityOptions {
  /** What the text is called in messages. */
  readonly file: string;
  /** Without it, what has a passphrase cannot be used. */
  readonly askPassphrase?: AskPassphrase | undefined;
  /** The plugins of this run, where several files may hold identities of one; default: some for this file alone. */
  readonly plugins?: Plugins | undefined;
  /** Reads the public half of an SSH key whose file does not tell it without the passphrase, from where that lies. */
  readonly readPublicKey?: (() => Promise<string | undefined>) | undefined;
}

const AGE_KEY = /^AGE-SECRET-KEY-(PQ-)?1[02-9AC-HJ-NP-Z]+$/;

/**
 * The identities in a file: an SSH private key, an age identity file, or one of these encrypted with a passphrase.
 * A passphrase is asked for when a file is met that may need it, and once.
 * @throws SecretsError `secrets/identity` with the reason when there is none that can be used.
 */
export function parseIdentities(text: string, options: IdentityOptions): Promise<readonly Identity[]> {
  if (isSshKey(text)) return sshIdentity(text, options);
  if (/^\s*(age-encryption\.org\/v1\n|-----BEGIN AGE ENCRYPTED FILE-----)/.test(text)) {
    return Promise.resolve([encryptedIdentities(text, options)]);
  }
  return Promise.resolve().then(() => ageIdentities(text, options));
}

function ageIdentities(text: string, { file, plugins = usePlugins() }: IdentityOptions): readonly Identity[] {
  const lines = text.split("\n").map((line) => line.trim());
  const identities = lines.flatMap((line, index): Identity[] => {
    if (line === "" || line.startsWith("#")) return [];
    if (AGE_KEY.test(line)) return [{ label: file, unwrap: line }];
    const plugin = pluginOfIdentity(line);
    if (plugin !== undefined) return [plugins.identity(plugin, { text: line, label: file })];
    throw unusable(`${file}:${index + 1}`, whyNot(line));
  });
  if (identities.length === 0) throw unusable(file, "it holds no identity");
  return identities;
}

/** Nothing of the line is shown: it may be a key that was mistyped. */
function whyNot(line: string): string {
  if (/^(ssh-|ecdsa-|sk-)/.test(line)) return "it is a public key; the private one opens";
  if (line.startsWith("age1")) return "it is a recipient; its identity opens";
  if (line.startsWith("AGE-PLUGIN-")) return "it is a plugin's identity, and its checksum is wrong";
  return "it is not an identity";
}

/** What no age identity and no plugin is asked of. */
const NOT_AGE = /^(ssh-.*|scrypt|.*-grease)$/;

function encryptedIdentities(text: string, options: IdentityOptions): Identity {
  const { file, askPassphrase } = options;
  const bytes = Buffer.from(text, "latin1");
  let opened: Promise<readonly Identity[]> | undefined;
  const open = (): Promise<readonly Identity[]> =>
    withPassphrase(file, askPassphrase, async (passphrase) => {
      const { stanzas } = inspectBytes(bytes);
      if (!stanzas.some(({ args }) => args[0] === "scrypt"))
        throw unusable(file, "it is encrypted, but not with a passphrase");
      const fileKey = await unwrapWithPassphrase(stanzas, passphrase);
      if (fileKey === undefined) return undefined;
      using plaintext: Plaintext = await openBytes(bytes, [{ unwrap: () => fileKey }]);
      return ageIdentities(plaintext.reveal().toString("utf8"), options);
    });
  const mayBeFor = (stanzas: readonly Stanza[]): boolean =>
    stanzas.some(({ args: [type = ""] }) => !NOT_AGE.test(type));
  return {
    label: file,
    async unlock(stanzas) {
      if (!mayBeFor(stanzas)) return [];
      const held = await (opened ??= open());
      const own = held.filter((identity) => "unwrap" in identity);
      return [...own, ...(await Promise.all(held.map((identity) => unlockLater(identity, stanzas)))).flat()];
    },
    async prepare(headers) {
      const those = headers.filter(mayBeFor);
      if (those.length === 0) return;
      const held = await (opened ??= open());
      for (const identity of held) if ("unlock" in identity) await identity.prepare?.(those);
    },
  };
}

/** What a plugin fails with is thrown when its turn comes: age's own identities in the same file are tried before. */
async function unlockLater(identity: Identity, stanzas: readonly Stanza[]): Promise<readonly FileKeyUnwrapper[]> {
  if (!("unlock" in identity)) return [];
  try {
    return await identity.unlock(stanzas);
  } catch (error) {
    return [
      {
        unwrap: () => {
          throw error;
        },
      },
    ];
  }
}
