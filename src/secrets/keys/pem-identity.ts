/**
 * SSH keys in the forms that came before OpenSSH's own, and that other tools still write: PKCS#1 (`RSA PRIVATE KEY`, as
 * `ssh-keygen -m PEM` writes) and PKCS#8 (`PRIVATE KEY`), also with a passphrase. Node reads them by itself.
 */
import { createPrivateKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { FileKeyUnwrapper, Stanza } from "../age/stanza.ts";
import type { Identity, IdentityOptions } from "./identity.ts";
import { withPassphrase } from "./passphrase.ts";
import { ed25519Unwrapper, SSH_ED25519 } from "./ssh-ed25519.ts";
import { sshRecipient, tagOf, whyUnusable } from "./ssh-public-key.ts";
import { rsaUnwrapper, SSH_RSA } from "./ssh-rsa.ts";
import { unusable } from "./unusable.ts";
import { writeStrings } from "./wire.ts";

const LOCKED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4,ENCRYPTED/m;
const TYPE = /-----BEGIN (EC|DSA) PRIVATE KEY-----/;
const TYPES = { EC: "ecdsa-", DSA: "ssh-dss" } as const;

/** The identity that a key in one of these forms is. @throws SecretsError `secrets/identity`. */
export function pemIdentity(text: string, options: IdentityOptions): Identity {
  const { file, askPassphrase } = options;
  const type = TYPE.exec(text)?.[1] as keyof typeof TYPES | undefined;
  if (type !== undefined) throw unusable(file, whyUnusable(TYPES[type]) ?? "");
  if (!LOCKED.test(text)) return { label: file, ...unwrapperOf(createPrivateKey(text), file) };
  let opened: Promise<readonly FileKeyUnwrapper[]> | undefined;
  const open = (): Promise<readonly FileKeyUnwrapper[]> =>
    withPassphrase(file, askPassphrase, (passphrase) => {
      const key = tryOpen(text, passphrase);
      return Promise.resolve(key === undefined ? undefined : [unwrapperOf(key, file)]);
    });
  return {
    label: file,
    async unlock(stanzas) {
      return (await mayBeFor(stanzas, options)) ? await (opened ??= open()) : [];
    },
  };
}

function tryOpen(key: string, passphrase: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key, passphrase });
  } catch {
    return undefined;
  }
}

function unwrapperOf(key: KeyObject, file: string): FileKeyUnwrapper {
  if (key.asymmetricKeyType === "rsa") {
    const { n = "", e = "" } = key.export({ format: "jwk" });
    const wire = writeStrings(SSH_RSA, mpint(e), mpint(n));
    return { unwrap: rsaUnwrapper(key, tagOf(wire)) };
  }
  if (key.asymmetricKeyType === "ed25519") {
    const { d = "", x = "" } = key.export({ format: "jwk" });
    const publicKey = Buffer.from(x, "base64url");
    const wire = writeStrings(SSH_ED25519, publicKey);
    return { unwrap: ed25519Unwrapper(Buffer.from(d, "base64url"), { publicKey, wire, tag: tagOf(wire) }) };
  }
  throw unusable(file, whyUnusable(key.asymmetricKeyType === "ec" ? "ecdsa-" : "another") ?? "");
}

/** These forms do not tell their public half; where nothing else does, every SSH key is a candidate. */
async function mayBeFor(stanzas: readonly Stanza[], { readPublicKey }: IdentityOptions): Promise<boolean> {
  const candidates = stanzas.filter(({ args: [type] }) => type === SSH_RSA || type === SSH_ED25519);
  const line = candidates.length === 0 ? undefined : await readPublicKey?.();
  if (line === undefined) return candidates.length > 0;
  const { kind, tag } = sshRecipient(line.trim());
  return candidates.some(({ args }) => args[0] === kind && args[1] === tag);
}

function mpint(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, "base64url");
  return (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.alloc(1), bytes]);
}
