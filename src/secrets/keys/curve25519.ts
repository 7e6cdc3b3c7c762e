import { createHash, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";

const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const P = 2n ** 255n - 19n;
const D = mod(-121_665n * invert(121_666n));
/** RFC 7748, section 4.1: u = 9. */
const BASE_POINT = x25519Public(Buffer.alloc(32).fill(9, 0, 1));

/** The X25519 key whose scalar these 32 bytes are. */
export function x25519Private(scalar: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8, scalar]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return key;
}

/** The X25519 public key of these 32 bytes. */
export function x25519Public(point: Uint8Array): KeyObject {
  const x = Buffer.from(point.buffer, point.byteOffset, point.byteLength).toString("base64url");
  // A tenth of the time that its DER form takes, and there is one to make for every file.
  return createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
}

/** A fresh key pair, and its public half as 32 bytes. */
export function ephemeral(): { readonly privateKey: KeyObject; readonly share: Buffer } {
  const { privateKey } = generateKeyPairSync("x25519");
  // Half the time of exporting the public half, which as a JWK can hang on Node 20.
  return { privateKey, share: agree(privateKey, BASE_POINT) };
}

/** X25519 of both. @throws Error when the point is of low order, as RFC 7748 asks for. */
export function agree(privateKey: KeyObject, publicKey: KeyObject): Buffer {
  return diffieHellman({ privateKey, publicKey });
}

/** The X25519 scalar of an Ed25519 seed (RFC 8032, section 5.1.5). */
export function scalarOfSeed(seed: Uint8Array): Buffer {
  return createHash("sha512").update(seed).digest().subarray(0, 32);
}

/** The Montgomery u of an Ed25519 public key (RFC 7748, section 4.1), or undefined when it is not on the curve. */
export function montgomeryOf(ed25519: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(ed25519).reverse();
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  const y = BigInt(`0x${bytes.toString("hex")}`);
  if (y >= P || !isSquare(mod((y * y - 1n) * invert(mod(D * y * y + 1n))))) return undefined;
  const u = mod((1n + y) * invert(mod(1n - y)));
  return Buffer.from(u.toString(16).padStart(64, "0"), "hex").reverse();
}

function isSquare(value: bigint): boolean {
  return value === 0n || power(value, (P - 1n) / 2n) === 1n;
}

function invert(value: bigint): bigint {
  return power(mod(value), P - 2n);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

function mod(value: bigint): bigint {
  return ((value % P) + P) % P;
}
