import { StoreError } from "./errors.ts";
import { decodeNixBase32 } from "./nix-base32.ts";

declare const narHashBrand: unique symbol;

/** The SHA-256 of a NAR in its one form here: SRI, `sha256-` and 44 digits of base64. */
export type NarHash = string & { readonly [narHashBrand]: true };

const HEX = /^[0-9a-f]{64}$/;
const BASE64 = /^[A-Za-z0-9+/]{43}=$/;

/**
 * Reads a SHA-256 as any version of Nix writes it: `sha256-<base64>`, or hex, nixbase32 or base64 with or without
 * `sha256:` in front.
 * @throws StoreError `store/hash`
 */
export function parseNarHash(text: string): NarHash {
  const digest = decodeDigest(text.replace(/^sha256[:-]/, ""));
  if (digest === undefined) {
    throw new StoreError("store/hash", `${JSON.stringify(text.slice(0, 100))} is not a SHA-256 hash`);
  }
  return narHashOf(digest);
}

/** The hash whose 32 bytes are at hand. */
export function narHashOf(digest: Uint8Array): NarHash {
  return `sha256-${Buffer.from(digest).toString("base64")}` as NarHash;
}

/** The hash as 64 hex digits, the form of the serve protocol. */
export function narHashHex(hash: NarHash): string {
  return Buffer.from(hash.slice("sha256-".length), "base64").toString("hex");
}

function decodeDigest(text: string): Buffer | undefined {
  if (HEX.test(text)) return Buffer.from(text, "hex");
  if (text.length === 52) return decodeNixBase32(text);
  return BASE64.test(text) ? canonicalBase64(text) : undefined;
}

function canonicalBase64(text: string): Buffer | undefined {
  const digest = Buffer.from(text, "base64");
  return digest.toString("base64") === text ? digest : undefined;
}
