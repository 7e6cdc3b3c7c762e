/**
 * A file key under a passphrase (C2SP age, "The scrypt recipient type"); always the only stanza of its file:
 *
 *     -> scrypt base64(salt) log2(N)
 *     key  = scrypt(passphrase, "age-encryption.org/v1/scrypt" || salt, N, r = 8, p = 1)
 *     body = ChaCha20-Poly1305(key, zero nonce, file key)
 */
import { scrypt } from "node:crypto";
import { promisify } from "node:util";
import { malformed } from "../age/header-text.ts";
import type { LockedUnwrapper, Stanza } from "../age/stanza.ts";
import { decodeBase64 } from "../age/stanza.ts";
import { unwrapKey } from "./key-wrap.ts";

/** A gigabyte of memory; what age itself writes takes a quarter. */
const MAX_LOG_N = 20;
const LABEL = Buffer.from("age-encryption.org/v1/scrypt");
const derive = promisify<Buffer, Buffer, number, object, Buffer>(scrypt);

/** Opens what was encrypted with a passphrase. */
export function passphraseIdentity(passphrase: string): LockedUnwrapper {
  return {
    async unlock(stanzas) {
      const fileKey = await unwrapWithPassphrase(stanzas, passphrase);
      return fileKey === undefined ? [] : [{ unwrap: () => fileKey }];
    },
  };
}

/** The file key of these stanzas; undefined when they are for no passphrase, or for another. */
export async function unwrapWithPassphrase(
  stanzas: readonly Stanza[],
  passphrase: string,
): Promise<Uint8Array | undefined> {
  const stanza = stanzas.find(({ args }) => args[0] === "scrypt");
  if (stanza === undefined) return undefined;
  const [, salt64 = "", logText = ""] = stanza.args;
  const salt = decodeBase64(salt64);
  const logN = /^[1-9][0-9]?$/.test(logText) ? Number(logText) : Number.POSITIVE_INFINITY;
  if (stanzas.length !== 1 || stanza.args.length !== 3 || salt?.length !== 16 || stanza.body.length !== 32) {
    throw malformed("its scrypt stanza is malformed");
  }
  if (logN > MAX_LOG_N) throw malformed(`its scrypt stanza asks for more work than 2^${MAX_LOG_N}`);
  const N = 2 ** logN;
  const options = { N, r: 8, p: 1, maxmem: 256 * N * 8 };
  const key = await derive(Buffer.from(passphrase, "utf8"), Buffer.concat([LABEL, salt]), 32, options);
  return unwrapKey(key, stanza.body);
}
