/**
 * Wrapping a file key for an RSA key of SSH, as age's `agessh` does:
 *
 *     -> ssh-rsa tag
 *     body = RSAES-OAEP(SHA-256, label = LABEL)
 *
 * Keys of fewer than 2048 bits are refused.
 */
import { constants, createPublicKey, privateDecrypt, publicEncrypt } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { damagedHeader } from "../age/header-text.ts";
import type { Stanza } from "../age/stanza.ts";

export const SSH_RSA = "ssh-rsa";
export const MIN_RSA_BITS = 2048;
const OAEP = {
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: "sha256",
  oaepLabel: Buffer.from("age-encryption.org/v1/ssh-rsa"),
} as const;

/** The public key of this exponent and modulus. */
export function rsaPublicKey({ e, n }: { readonly e: Buffer; readonly n: Buffer }): KeyObject {
  return createPublicKey({
    key: { kty: "RSA", e: e.toString("base64url"), n: n.toString("base64url") },
    format: "jwk",
  });
}

/** Wraps file keys for a public key. */
export function rsaWrapper(key: KeyObject, tag: string): (fileKey: Uint8Array) => Stanza {
  return (fileKey) => ({ args: [SSH_RSA, tag], body: publicEncrypt({ key, ...OAEP }, fileKey) });
}

/** Unwraps what {@link rsaWrapper} wrapped. */
export function rsaUnwrapper(key: KeyObject, tag: string): (stanzas: readonly Stanza[]) => Uint8Array | undefined {
  return (stanzas) => {
    for (const { args, body } of stanzas) {
      if (args[0] !== SSH_RSA || args[1] !== tag) continue;
      if (args.length !== 2) throw damagedHeader("its ssh-rsa stanza is malformed");
      try {
        return privateDecrypt({ key, ...OAEP }, body);
      } catch {
        // Four bytes are shared by chance now and then: the next stanza may be the one.
      }
    }
    return undefined;
  };
}
