/**
 * OpenSSH's private key container (PROTOCOL.key):
 *
 *     "openssh-key-v1" 0x00
 *     string cipher, string kdf, string kdf options (string salt, uint32 rounds)
 *     uint32 number of keys (1)
 *     string public key
 *     string sealed:  uint32 check, uint32 check, string type, fields of the type, string comment, padding 1 2 3 …
 *
 * A passphrase goes through bcrypt_pbkdf, which takes the time it takes.
 */
import { createDecipheriv } from "node:crypto";
import type { CipherGCMTypes, Decipher } from "node:crypto";
import { WireReader } from "./wire.ts";

const MAGIC = "openssh-key-v1\0";
const ARMOR = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/;
const CIPHER = /^aes(128|192|256)-(ctr|cbc|gcm)(@openssh\.com)?$/;
const TAG = 16;
const MAX_ROUNDS = 4_096;

export interface OpensshKey {
  readonly type: string;
  /** The public half in wire form, which needs no passphrase. */
  readonly wire: Buffer;
  readonly locked: boolean;
  /**
   * The private half: its fields after the type. Undefined when the passphrase is wrong.
   * @throws RangeError when the container is malformed, or sealed with a cipher that is not AES.
   */
  open(passphrase: string | undefined): Promise<WireReader | undefined>;
}

/** @returns undefined when the text is no such container. @throws RangeError when it is one and malformed. */
export function parseOpensshKey(text: string): OpensshKey | undefined {
  const armored = ARMOR.exec(text)?.[1];
  if (armored === undefined) return undefined;
  const reader = new WireReader(Buffer.from(armored, "base64"));
  if (reader.take(MAGIC.length).toString("latin1") !== MAGIC) throw new RangeError("it is no OpenSSH key");
  const cipher = reader.string().toString("latin1");
  const kdf = reader.string().toString("latin1");
  const options = reader.string();
  if (reader.uint32() !== 1) throw new RangeError("it holds more than one key");
  const wire = reader.string();
  const sealed = reader.string();
  const tag = reader.rest;
  const locked = cipher !== "none";
  return {
    type: new WireReader(wire).string().toString("latin1"),
    wire,
    locked,
    async open(passphrase) {
      if (!locked) return fieldsOf(sealed);
      if (kdf !== "bcrypt") throw new RangeError(`its passphrase goes through "${kdf}", which is not known here`);
      const opened = await decrypt(sealed, { cipher, options: new WireReader(options), passphrase, tag });
      return opened === undefined ? undefined : fieldsOf(opened);
    },
  };
}

interface Sealing {
  readonly cipher: string;
  readonly options: WireReader;
  readonly passphrase: string | undefined;
  readonly tag: Buffer;
}

async function decrypt(sealed: Buffer, { cipher, options, passphrase, tag }: Sealing): Promise<Buffer | undefined> {
  const [, bits = "", mode = ""] = CIPHER.exec(cipher) ?? [];
  if (bits === "") throw new RangeError(`it is sealed with ${cipher}; ssh-keygen -p -Z aes256-ctr seals it anew`);
  const keyLength = Number(bits) / 8;
  const isGcm = mode === "gcm";
  const ivLength = isGcm ? 12 : 16;
  const salt = options.string();
  const rounds = options.uint32();
  if (rounds > MAX_ROUNDS) throw new RangeError(`its passphrase takes ${rounds} rounds, too many to try`);
  const { default: bcrypt } = await import("bcrypt-pbkdf");
  const secret = Buffer.from(passphrase ?? "", "utf8");
  const derived = Buffer.alloc(keyLength + ivLength);
  if (bcrypt.pbkdf(secret, secret.length, salt, salt.length, derived, derived.length, rounds) !== 0) return undefined;
  const key = derived.subarray(0, keyLength);
  const iv = derived.subarray(keyLength);
  try {
    if (!isGcm) {
      const decipher = createDecipheriv(`aes-${bits}-${mode}`, key, iv).setAutoPadding(false);
      return Buffer.concat([decipher.update(sealed), decipher.final()]);
    }
    const decipher = createDecipheriv(`aes-${bits}-gcm` as CipherGCMTypes, key, iv, { authTagLength: TAG });
    decipher.setAuthTag(tag.subarray(0, TAG));
    const opened = decipher.update(sealed);
    return isGenuine(decipher) ? opened : undefined;
  } finally {
    derived.fill(0);
    secret.fill(0);
  }
}

function isGenuine(decipher: Decipher): boolean {
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

/** Two check words that agree show that the passphrase was right. */
function fieldsOf(opened: Buffer): WireReader | undefined {
  const reader = new WireReader(opened);
  if (reader.uint32() !== reader.uint32()) return undefined;
  reader.string();
  return reader;
}
