/**
 * Wrapping a file key for an Ed25519 key of SSH, as age's `agessh` does:
 *
 *     -> ssh-ed25519 tag share
 *     tag    = first 4 bytes of SHA-256(public key in wire form)
 *     share  = X25519(ephemeral, basepoint)
 *     tweak  = HKDF-SHA256(ikm = "", salt = public key in wire form, info = LABEL)
 *     shared = X25519(tweak, X25519(ephemeral, mont)),  mont = the public key as a Montgomery point
 *     key    = HKDF-SHA256(ikm = shared, salt = share || mont, info = LABEL)
 *     body   = ChaCha20-Poly1305(key, zero nonce, file key)
 */
import { hkdfSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { damagedHeader } from "../age/header-text.ts";
import type { Stanza } from "../age/stanza.ts";
import { decodeBase64, encodeBase64 } from "../age/stanza.ts";
import { agree, ephemeral, montgomeryOf, scalarOfSeed, x25519Private, x25519Public } from "./curve25519.ts";
import { unwrapKey, wrapKey } from "./key-wrap.ts";

export const SSH_ED25519 = "ssh-ed25519";
const LABEL = "age-encryption.org/v1/ssh-ed25519";

/** Wraps file keys for this public key; undefined when it is no point of the curve. */
export function ed25519Wrapper(
  publicKey: Uint8Array,
  { wire, tag }: { readonly wire: Buffer; readonly tag: string },
): ((fileKey: Uint8Array) => Stanza) | undefined {
  const mont = montgomeryOf(publicKey);
  if (mont === undefined) return undefined;
  // Scalars commute, so the tweak goes into the point once and for all files.
  let tweaked: KeyObject | undefined;
  return (fileKey) => {
    tweaked ??= x25519Public(agree(tweakOf(wire), x25519Public(mont)));
    const { privateKey, share } = ephemeral();
    const key = wrappingKey(agree(privateKey, tweaked), share, mont);
    return { args: [SSH_ED25519, tag, encodeBase64(share)], body: wrapKey(key, fileKey) };
  };
}

/** Unwraps what {@link ed25519Wrapper} wrapped, with the key's 32-byte seed. */
export function ed25519Unwrapper(
  seed: Uint8Array,
  { publicKey, wire, tag }: { readonly publicKey: Uint8Array; readonly wire: Buffer; readonly tag: string },
): (stanzas: readonly Stanza[]) => Uint8Array | undefined {
  const mont = montgomeryOf(publicKey) ?? Buffer.alloc(32);
  const scalar = scalarOfSeed(seed);
  const privateKey = x25519Private(scalar);
  scalar.fill(0);
  const tweak = tweakOf(wire);
  const agreeTwice = (share: Buffer): Buffer => {
    try {
      return agree(tweak, x25519Public(agree(privateKey, x25519Public(share))));
    } catch {
      throw damagedHeader("the share of its ssh-ed25519 stanza is of low order");
    }
  };
  return (stanzas) => {
    for (const { args, body } of stanzas) {
      if (args[0] !== SSH_ED25519 || args[1] !== tag) continue;
      const share = decodeBase64(args[2] ?? "");
      if (args.length !== 3 || share?.length !== 32 || body.length !== 32) {
        throw damagedHeader("its ssh-ed25519 stanza is malformed");
      }
      const shared = agreeTwice(share);
      // Four bytes are shared by chance now and then: the next stanza may be the one.
      const fileKey = unwrapKey(wrappingKey(shared, share, mont), body);
      if (fileKey !== undefined) return fileKey;
    }
    return undefined;
  };
}

function tweakOf(wire: Buffer): KeyObject {
  return x25519Private(Buffer.from(hkdfSync("sha256", "", wire, LABEL, 32)));
}

function wrappingKey(shared: Buffer, share: Buffer, mont: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", shared, Buffer.concat([share, mont]), LABEL, 32));
}
