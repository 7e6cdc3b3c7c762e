import { createHash } from "node:crypto";
import { encodeBase64 } from "../age/stanza.ts";
import { SecretsError } from "../errors.ts";
import { ed25519Wrapper, SSH_ED25519 } from "./ssh-ed25519.ts";
import { MIN_RSA_BITS, rsaPublicKey, rsaWrapper, SSH_RSA } from "./ssh-rsa.ts";
import { WireReader } from "./wire.ts";
import type { Recipient } from "./recipient.ts";

/** A public key in SSH's wire form, as far as age can use it. */
export interface SshPublicKey {
  readonly type: typeof SSH_ED25519 | typeof SSH_RSA;
  readonly wire: Buffer;
  /** The name that stanzas call it by: four bytes of its hash. */
  readonly tag: string;
  /** `SHA256:…`, as `ssh-keygen -l` shows it. */
  readonly fingerprint: string;
}

/** The recipient that a line of a `.pub` or known_hosts file names. @throws SecretsError `secrets/recipient`. */
export function sshRecipient(line: string): Recipient {
  const [type = "", base64 = ""] = line.split(/[ \t]+/);
  const wire = Buffer.from(base64, "base64");
  const shown = `"${type} ${base64.slice(0, 12)}…"`;
  if (wire.toString("base64") !== base64) throw unusable(shown, "its second word is not base64");
  return { ...recipientOfWire(wire, { type, shown }), text: `${type} ${base64}` };
}

/** What stanzas call a key by. */
export function tagOf(wire: Buffer): string {
  return encodeBase64(sha256(wire).subarray(0, 4));
}

export function fingerprintOf(wire: Buffer): string {
  return `SHA256:${encodeBase64(sha256(wire))}`;
}

/** Why a key of this type is of no use to age, or undefined. */
export function whyUnusable(type: string): string | undefined {
  if (type === SSH_ED25519 || type === SSH_RSA) return undefined;
  if (type.startsWith("sk-")) return "a security key signs and cannot decrypt";
  if (type.startsWith("ecdsa-")) return "ECDSA keys sign and cannot decrypt";
  if (type === "ssh-dss") return "DSA keys sign and cannot decrypt";
  if (type.includes("-cert-v01@")) return "it is a certificate, not a key";
  return "it is of a type that age does not know";
}

function recipientOfWire(
  wire: Buffer,
  { type, shown }: { readonly type: string; readonly shown: string },
): Omit<Recipient, "text"> {
  const reason = whyUnusable(type);
  if (reason !== undefined) throw unusable(shown, reason);
  const tag = tagOf(wire);
  const common = { id: fingerprintOf(wire), tag, postQuantum: false };
  try {
    const reader = new WireReader(wire);
    if (reader.string().toString("latin1") !== type) throw new RangeError("another type");
    if (type === SSH_RSA) {
      const e = reader.number();
      const n = reader.number();
      if (reader.rest.length > 0) throw new RangeError("too long");
      const key = rsaPublicKey({ e, n });
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      if (bits < MIN_RSA_BITS) throw unusable(shown, `it has ${bits} bits, and ${MIN_RSA_BITS} are the least`);
      return { ...common, kind: SSH_RSA, wrap: rsaWrapper(key, tag) };
    }
    const publicKey = reader.string();
    const wrap = publicKey.length === 32 && reader.rest.length === 0 && ed25519Wrapper(publicKey, { wire, tag });
    if (wrap === false || wrap === undefined) throw new RangeError("no point of the curve");
    return { ...common, kind: SSH_ED25519, wrap };
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    throw unusable(shown, "it is not the key that it says it is");
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function unusable(shown: string, why: string): SecretsError {
  return new SecretsError("secrets/recipient", `cannot encrypt to ${shown}: ${why}`, {
    hint: "use an ssh-ed25519 key, an ssh-rsa key of 2048 bits or more, or an age recipient",
  });
}
