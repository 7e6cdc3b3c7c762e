/**
 * OpenSSH's private key container (PROTOCOL.key), of which the public half is in the clear even when the private one
 * is encrypted:
 *
 *     "openssh-key-v1" 0x00
 *     string ciphername, string kdfname, string kdfoptions
 *     uint32 number of keys (1)
 *     string publickey
 *     string encrypted, padded list of private keys
 */
import { keyTypeOf, parsePublicKey } from "../host-keys/public-key.ts";

const MAGIC = "openssh-key-v1\0";
const ARMOR = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/;

/** The public key, in wire form, of a private key file or of a `.pub` file; undefined when the text is neither. */
export function readPublicHalf(text: string): Buffer | undefined {
  const armored = ARMOR.exec(text)?.[1];
  if (armored === undefined) return parsePublicKey(text)?.blob;
  const container = Buffer.from(armored, "base64");
  if (container.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  let at = MAGIC.length;
  const readString = (): Buffer | undefined => {
    if (at + 4 > container.length) return undefined;
    const start = at + 4;
    at = start + container.readUInt32BE(at);
    return at > container.length ? undefined : container.subarray(start, at);
  };
  for (let header = 0; header < 3; header += 1) {
    if (readString() === undefined) return undefined;
  }
  at += 4;
  const blob = readString();
  return blob !== undefined && keyTypeOf(blob) !== undefined ? blob : undefined;
}
