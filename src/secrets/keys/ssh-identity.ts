import { createPrivateKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { messageOf } from "#core";
import type { FileKeyUnwrapper } from "../age/stanza.ts";
import { SecretsError } from "../errors.ts";
import type { Identity, IdentityOptions } from "./identity.ts";
import type { OpensshKey } from "./openssh-key.ts";
import { parseOpensshKey } from "./openssh-key.ts";
import { withPassphrase } from "./passphrase.ts";
import { pemIdentity } from "./pem-identity.ts";
import { ed25519Unwrapper } from "./ssh-ed25519.ts";
import { tagOf, whyUnusable } from "./ssh-public-key.ts";
import { rsaUnwrapper, SSH_RSA } from "./ssh-rsa.ts";
import { unusable } from "./unusable.ts";
import type { WireReader } from "./wire.ts";

/** Whether a text is a private key in one of the forms that OpenSSH keeps them in. */
export function isSshKey(text: string): boolean {
  return /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(text);
}

/**
 * The identity that an SSH private key is.
 * @throws SecretsError `secrets/identity` when it is of a type that cannot decrypt, or malformed.
 */
export async function sshIdentity(text: string, options: IdentityOptions): Promise<readonly Identity[]> {
  try {
    const key = parseOpensshKey(text);
    if (key === undefined) return [pemIdentity(text, options)];
    const reason = whyUnusable(key.type);
    if (reason !== undefined) throw unusable(options.file, reason);
    return [await opensshIdentity(key, options)];
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    throw unusable(options.file, error instanceof RangeError ? messageOf(error) : "it is malformed");
  }
}

async function opensshIdentity(key: OpensshKey, { file, askPassphrase }: IdentityOptions): Promise<Identity> {
  const { type, wire } = key;
  const tag = tagOf(wire);
  if (!key.locked) {
    const fields = await key.open(undefined);
    if (fields === undefined) throw unusable(file, "it is malformed");
    return { label: file, unwrap: unwrapperOf(type, { fields, wire, tag }) };
  }
  let opened: Promise<readonly FileKeyUnwrapper[]> | undefined;
  const open = (): Promise<readonly FileKeyUnwrapper[]> =>
    withPassphrase(file, askPassphrase, async (passphrase) => {
      const fields = await key.open(passphrase);
      return fields === undefined ? undefined : [{ unwrap: unwrapperOf(type, { fields, wire, tag }) }];
    });
  return {
    label: file,
    unlock: (stanzas) =>
      stanzas.some(({ args }) => args[0] === type && args[1] === tag) ? (opened ??= open()) : Promise.resolve([]),
  };
}

type Unwrap = Exclude<FileKeyUnwrapper["unwrap"], string>;

function unwrapperOf(
  type: string,
  { fields, wire, tag }: { readonly fields: WireReader; readonly wire: Buffer; readonly tag: string },
): Unwrap {
  if (type === SSH_RSA) return rsaUnwrapper(rsaPrivateKey(fields), tag);
  const publicKey = fields.string();
  const seed = fields.string().subarray(0, 32);
  return ed25519Unwrapper(seed, { publicKey, wire, tag });
}

/** OpenSSH keeps n, e, d, iqmp, p, q; what else Node wants follows from them. */
function rsaPrivateKey(fields: WireReader): KeyObject {
  const n = fields.number();
  const e = fields.number();
  const d = fields.number();
  const qi = fields.number();
  const p = fields.number();
  const q = fields.number();
  const write = (bytes: Buffer): string => bytes.toString("base64url");
  const jwk = { kty: "RSA", n: write(n), e: write(e), d: write(d), p: write(p), q: write(q), qi: write(qi) };
  const dp = write(exponent(d, p));
  const dq = write(exponent(d, q));
  return createPrivateKey({ key: { ...jwk, dp, dq }, format: "jwk" });
}

function exponent(d: Buffer, prime: Buffer): Buffer {
  const value = numberOf(d) % (numberOf(prime) - 1n);
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}
