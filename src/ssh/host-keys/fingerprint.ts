import { createHash } from "node:crypto";

/** A public key's fingerprint as OpenSSH prints it: `SHA256:` and unpadded base64. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(publicKey).digest("base64").replace(/=+$/, "")}`;
}
