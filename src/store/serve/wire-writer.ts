import type { Writable } from "node:stream";
import { encodedLength, writeString, writeU64 } from "../wire.ts";

const BUFFER_BYTES = 256 * 1024;
/** From here on a chunk is handed over as it is; below, copying it costs less than a write of its own. */
const COPIED_BYTES = 32 * 1024;
const UNSENT_BYTES = 512 * 1024;

/**
 * Writes numbers, strings and bytes to a stream in few large writes: small pieces are gathered, and go out when
 * {@link BUFFER_BYTES} are together or the event loop comes round. {@link WireWriter.room} is the backpressure.
 *
 * Memory is used again as soon as the stream calls a write back. Pipes, sockets and SSH channels are done with the bytes
 * by then; a stream that passes them on as they are, like a PassThrough, is not.
 */
export class WireWriter {
  readonly #stream: Writable;
  readonly #onSent: () => void;
  readonly #spare: Buffer[] = [];
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #length = 0;
  #unsent = 0;
  #flushing: NodeJS.Immediate | undefined;
  #waiting: (() => void)[] = [];

  /** @param onSent called whenever the stream has passed something on. */
  constructor(stream: Writable, onSent: () => void) {
    this.#stream = stream;
    this.#onSent = onSent;
  }

  number(value: number): void {
    this.#length = writeU64(this.#space(8), value, this.#length);
  }

  string(text: string): void {
    const length = encodedLength(Buffer.byteLength(text));
    if (length > BUFFER_BYTES) {
      const own = Buffer.allocUnsafe(length);
      writeString(own, text, { offset: 0 });
      this.bytes(own);
    } else {
      this.#length = writeString(this.#space(length), text, { offset: this.#length });
    }
  }

  strings(texts: readonly string[]): void {
    this.number(texts.length);
    for (const text of texts) this.string(text);
  }

  /** Writes bytes as they are. `release` is called once nobody reads them any more. */
  bytes(bytes: Uint8Array, release?: () => void): void {
    if (bytes.length < COPIED_BYTES) {
      this.#space(bytes.length).set(bytes, this.#length);
      this.#length += bytes.length;
      release?.();
      return;
    }
    this.flush();
    this.#send(bytes, release);
  }

  /** Whether so much waits in the stream that the caller should wait for {@link WireWriter.room}. */
  get isFull(): boolean {
    return this.#unsent > UNSENT_BYTES;
  }

  /** Settles once the stream has passed enough on. Never rejects: the caller watches for the stream's end itself. */
  async room(): Promise<void> {
    while (this.isFull) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  flush(): void {
    if (this.#length === 0) return;
    const buffer = this.#buffer;
    this.#buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    const bytes = buffer.subarray(0, this.#length);
    this.#length = 0;
    this.#send(bytes, () => this.#spare.push(buffer));
  }

  #space(count: number): Buffer {
    if (this.#length + count > BUFFER_BYTES) this.flush();
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      this.flush();
    });
    return this.#buffer;
  }

  #send(bytes: Uint8Array, release: (() => void) | undefined): void {
    this.#unsent += bytes.length;
    this.#stream.write(bytes, () => {
      this.#unsent -= bytes.length;
      release?.();
      this.#onSent();
      if (this.isFull) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resume of waiting) resume();
    });
  }
}
