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

/** Encrypts a payload as it comes. What it gives out is to be put together in its order. */
export class PayloadSealer {
  readonly #key: Buffer;
  readonly #counter = new Counter();
  readonly #pieces = new Pieces(CHUNK);
  #nonce: Buffer | undefined;

  constructor(fileKey: Uint8Array) {
    this.#nonce = randomBytes(NONCE);
    this.#key = streamKey(fileKey, this.#nonce);
  }

  *push(bytes: Uint8Array): Generator<Buffer, void, undefined> {
    for (const chunk of this.#pieces.push(bytes)) yield* this.#seal(chunk, { last: false });
  }

  *finish(): Generator<Buffer, void, undefined> {
    yield* this.#seal(this.#pieces.rest(), { last: true });
    this.#pieces.wipe();
    this.#key.fill(0);
  }

  *#seal(chunk: Uint8Array, { last }: { readonly last: boolean }): Generator<Buffer, void, undefined> {
    if (this.#nonce !== undefined) yield this.#nonce;
    this.#nonce = undefined;
    const cipher = createCipheriv(CIPHER, this.#key, this.#counter.nonce(last), { authTagLength: TAG });
    this.#counter.step();
    yield cipher.update(chunk);
    cipher.final();
    yield cipher.getAuthTag();
  }
}

/** Decrypts a payload as it comes: what it gives out was authenticated. */
export class PayloadOpener {
  readonly #fileKey: Uint8Array;
  readonly #counter = new Counter();
  readonly #pieces = new Pieces(CHUNK + TAG);
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
    for (const chunk of this.#pieces.push(bytes.subarray(missing))) yield* this.#middle(chunk);
  }

  /** The last chunk. @throws SecretsError `secrets/damaged` when the payload is cut short. */
  *finish(): Generator<Buffer, void, undefined> {
    const chunk = this.#pieces.rest();
    const opened = this.#open(chunk, { last: true });
    if (opened === undefined) {
      // Only a full chunk could have been a good one before the cut.
      const cut = chunk.length === CHUNK + TAG ? this.#open(chunk, { last: false }) : undefined;
      if (cut !== undefined) yield cut;
      throw damaged(cut === undefined ? CHANGED : "it is cut short");
    }
    if (opened.length === 0 && this.#counter.value > 0) throw damaged("its last part is empty");
    this.#key?.fill(0);
    yield opened;
  }

  *#middle(chunk: Buffer): Generator<Buffer, void, undefined> {
    const opened = this.#open(chunk, { last: false });
    if (opened === undefined) {
      const last = this.#open(chunk, { last: true });
      if (last !== undefined) yield last;
      throw damaged(last === undefined ? CHANGED : "something follows its end");
    }
    this.#counter.step();
    yield opened;
  }

  #open(chunk: Buffer, { last }: { readonly last: boolean }): Buffer | undefined {
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

/** Cuts what comes into full pieces, where it lies if it can, and keeps the last one back, full or not, until more comes. */
class Pieces {
  readonly #size: number;
  #kept = Buffer.alloc(0);
  #used = 0;

  constructor(size: number) {
    this.#size = size;
  }

  *push(bytes: Uint8Array): Generator<Buffer, void, undefined> {
    let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#used > 0) {
      const taken = this.#keep(rest);
      if (taken === rest.length) return;
      yield this.#kept;
      this.#used = 0;
      rest = rest.subarray(taken);
    }
    for (; rest.length > this.#size; rest = rest.subarray(this.#size)) yield rest.subarray(0, this.#size);
    this.#keep(rest);
  }

  rest(): Buffer {
    return this.#kept.subarray(0, this.#used);
  }

  wipe(): void {
    this.#kept.fill(0);
  }

  /** Copies as much as there is room for. Most files are small, and need no room for a whole piece. */
  #keep(bytes: Buffer): number {
    if (this.#kept.length < Math.min(this.#size, this.#used + bytes.length)) {
      const room = Buffer.allocUnsafeSlow(this.#used === 0 ? bytes.length : this.#size);
      this.#kept.copy(room, 0, 0, this.#used);
      this.wipe();
      this.#kept = room;
    }
    const taken = bytes.copy(this.#kept, this.#used, 0, Math.min(bytes.length, this.#size - this.#used));
    this.#used += taken;
    return taken;
  }
}

function streamKey(fileKey: Uint8Array, nonce: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", fileKey, nonce, "payload", 32));
}

function damaged(why: string): SecretsError {
  return new SecretsError("secrets/damaged", `cannot decrypt the payload of an age file: ${why}`);
}
