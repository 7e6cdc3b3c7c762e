const NOTHING = Buffer.alloc(0);

/**
 * Takes exact numbers of bytes from a stream of chunks of any size. What is already here is taken without waiting
 * ({@link ByteReader.take}), which is what keeps reading many small tokens fast.
 */
export class ByteReader {
  readonly #next: () => Promise<Uint8Array | undefined>;
  #chunk: Buffer = NOTHING;
  #at = 0;

  /** @param next gives the next chunk, or undefined at the end. */
  constructor(next: () => Promise<Uint8Array | undefined>) {
    this.#next = next;
  }

  /** `count` bytes if they are here already, sharing memory with the chunk they came in. */
  take(count: number): Buffer | undefined {
    if (this.#chunk.length - this.#at < count) return undefined;
    const bytes = this.#chunk.subarray(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }

  /** `count` bytes, or undefined when the stream ends before it has given them. */
  async read(count: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let missing = count;
    for (;;) {
      const piece = this.#upTo(missing);
      pieces.push(piece);
      missing -= piece.length;
      if (missing === 0) return pieces.length === 1 ? piece : Buffer.concat(pieces);
      if (!(await this.#more())) return undefined;
    }
  }

  /** At least one byte and at most `count`, as they come; undefined at the end. */
  async some(count: number): Promise<Buffer | undefined> {
    while (this.#at === this.#chunk.length) if (!(await this.#more())) return undefined;
    return this.#upTo(count);
  }

  /** What has come and was not taken. */
  rest(): Buffer {
    return this.#upTo(Number.POSITIVE_INFINITY);
  }

  #upTo(count: number): Buffer {
    const bytes = this.#chunk.subarray(this.#at, Math.min(this.#at + count, this.#chunk.length));
    this.#at += bytes.length;
    return bytes;
  }

  async #more(): Promise<boolean> {
    const chunk = await this.#next();
    if (chunk === undefined) return false;
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
    return true;
  }
}
