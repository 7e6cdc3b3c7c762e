/**
 * The payload of an age file (C2SP age, "Payload"):
 *
 *     payload = 16-byte nonce, *chunk
 *     chunk   = ChaCha20-Poly1305(stream key, counter, at most 64 KiB), tag of 16 bytes
 *     counter = 11 bytes big endian from 0, then 1 for the last chunk and 0 for all others
 *     stream key = HKDF-SHA256(file key, salt = nonce, info = "payload")
 *
 * Only the last chunk may be short, and it may be empty only when it is the first.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { SecretsError } from "../errors.ts";

const CIPHER = "chacha20-poly1305";
const CHUNK = 64 * 1024;
const TAG = 16;
const NONCE = 16;

/** Encrypts a payload as it comes, holding one chunk at most. */
export class PayloadSealer {
  readonly #key: Buffer;
  readonly #start: Buffer;
  readonly #counter = new Counter();
  readonly #pending = new Pending(CHUNK);
  #begun = false;

  constructor(fileKey: Uint8Array) {
    this.#start = randomBytes(NONCE);
    this.#key = streamKey(fileKey, this.#start);
  }

  push(bytes: Uint8Array): Buffer {
    const parts = this.#begin();
    for (const chunk of this.#pending.push(bytes)) parts.push(...this.#seal(chunk, false));
    return Buffer.concat(parts);
  }

  finish(): Buffer {
    const parts = [...this.#begin(), ...this.#seal(this.#pending.rest(), true)];
    this.#pending.wipe();
    this.#key.fill(0);
    return Buffer.concat(parts);
  }

  #begin(): Buffer[] {
    if (this.#begun) return [];
    this.#begun = true;
    return [this.#start];
  }

  #seal(chunk: Uint8Array, last: boolean): Buffer[] {
    const cipher = createCipheriv(CIPHER, this.#key, this.#counter.nonce(last), { authTagLength: TAG });
    this.#counter.step();
    const sealed = cipher.update(chunk);
    cipher.final();
    return [sealed, cipher.getAuthTag()];
  }
}

/** Decrypts a payload as it comes: what it gives out was authenticated. */
export class PayloadOpener {
  readonly #fileKey: Uint8Array;
  readonly #counter = new Counter();
  readonly #pending = new Pending(CHUNK + TAG);
  #nonce = Buffer.alloc(0);
  #key: Buffer | undefined;

  constructor(fileKey: Uint8Array) {
    this.#fileKey = fileKey;
  }

  /**
   * What can be given out, part by part.
   * @throws SecretsError `secrets/damaged` at the first chunk that is not what was sealed.
   */
  *push(bytes: Uint8Array): Generator<Buffer, void, undefined> {
    const missing = NONCE - this.#nonce.length;
    if (missing > 0) {
      this.#nonce = Buffer.concat([this.#nonce, bytes.subarray(0, missing)]);
      if (this.#nonce.length === NONCE) this.#key = streamKey(this.#fileKey, this.#nonce);
    }
    for (const chunk of this.#pending.push(bytes.subarray(missing))) yield* this.#middle(chunk);
  }

  /** The last chunk. @throws SecretsError `secrets/damaged` when the payload is cut short. */
  *finish(): Generator<Buffer, void, undefined> {
    const chunk = this.#pending.rest();
    const opened = this.#open(chunk, true);
    if (opened === undefined) {
      // Only a full chunk could have been a good one before the cut.
      const cut = chunk.length === CHUNK + TAG ? this.#open(chunk, false) : undefined;
      if (cut !== undefined) yield cut;
      throw damaged(cut === undefined ? CHANGED : "it is cut short");
    }
    if (opened.length === 0 && this.#counter.value > 0) throw damaged("its last part is empty");
    this.#key?.fill(0);
    yield opened;
  }

  *#middle(chunk: Buffer): Generator<Buffer, void, undefined> {
    const opened = this.#open(chunk, false);
    if (opened === undefined) {
      const last = this.#open(chunk, true);
      if (last !== undefined) yield last;
      throw damaged(last === undefined ? CHANGED : "something follows its end");
    }
    this.#counter.step();
    yield opened;
  }

  #open(chunk: Buffer, last: boolean): Buffer | undefined {
    if (this.#key === undefined || chunk.length < TAG) throw damaged("it is cut short");
    const decipher = createDecipheriv(CIPHER, this.#key, this.#counter.nonce(last), { authTagLength: TAG });
    decipher.setAuthTag(chunk.subarray(chunk.length - TAG));
    const opened = decipher.update(chunk.subarray(0, chunk.length - TAG));
    try {
      decipher.final();
      return opened;
    } catch {
      opened.fill(0);
      return undefined;
    }
  }
}

const CHANGED = "it was changed, or cut short";

class Counter {
  value = 0;

  nonce(last: boolean): Buffer {
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(this.value, 5, 6);
    nonce[11] = last ? 1 : 0;
    return nonce;
  }

  step(): void {
    this.value += 1;
  }
}

/** Cuts what comes into full pieces, and keeps the last one back, full or not, until more comes. */
class Pending {
  readonly #buffer: Buffer;
  #used = 0;

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafeSlow(size);
  }

  *push(bytes: Uint8Array): Generator<Buffer, void, undefined> {
    for (let at = 0; at < bytes.length;) {
      if (this.#used === this.#buffer.length) {
        yield this.#buffer;
        this.#used = 0;
      }
      const taken = bytes.subarray(at, at + this.#buffer.length - this.#used);
      this.#buffer.set(taken, this.#used);
      this.#used += taken.length;
      at += taken.length;
    }
  }

  rest(): Buffer {
    return this.#buffer.subarray(0, this.#used);
  }

  wipe(): void {
    this.#buffer.fill(0);
  }
}

function streamKey(fileKey: Uint8Array, nonce: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", fileKey, nonce, "payload", 32));
}

function damaged(why: string): SecretsError {
  return new SecretsError("secrets/damaged", `cannot decrypt the payload of an age file: ${why}`);
}
