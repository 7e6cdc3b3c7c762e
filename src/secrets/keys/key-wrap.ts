import { createCipheriv, createDecipheriv } from "node:crypto";

const CIPHER = "chacha20-poly1305";
const NONCE = Buffer.alloc(12);
const TAG = 16;

/** A file key under a key that is used once: ChaCha20-Poly1305 with a nonce of zeros. */
export function wrapKey(key: Uint8Array, fileKey: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, NONCE, { authTagLength: TAG });
  const sealed = cipher.update(fileKey);
  cipher.final();
  return Buffer.concat([sealed, cipher.getAuthTag()]);
}

/** What {@link wrapKey} wrapped; undefined when the key is another. */
export function unwrapKey(key: Uint8Array, body: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG });
  decipher.setAuthTag(body.subarray(body.length - TAG));
  const fileKey = decipher.update(body.subarray(0, body.length - TAG));
  try {
    decipher.final();
    return fileKey;
  } catch {
    return undefined;
  }
}
