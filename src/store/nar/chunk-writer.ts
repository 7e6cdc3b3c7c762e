/**
 * Cuts a stream of bytes into chunks that are all of one size but for the last, without copying what can be read
 * straight into place: readers fill `buffer` from `length` on and call {@link ChunkWriter.advance}.
 */
export class ChunkWriter {
  readonly #allocate: () => Buffer;
  readonly #full: Buffer[] = [];
  #buffer: Buffer | undefined;
  #length = 0;
  #skip: number;

  /** @param skip how many bytes at the beginning to drop. */
  constructor(allocate: () => Buffer, skip: number) {
    this.#allocate = allocate;
    this.#skip = skip;
  }

  /** Where the next bytes go. */
  get free(): Buffer {
    this.#buffer ??= this.#allocate();
    return this.#buffer.subarray(this.#length);
  }

  /** Takes note of `count` bytes put at the front of {@link ChunkWriter.free}. */
  advance(count: number): void {
    if (this.#buffer === undefined) return;
    this.#length += count;
    if (this.#length < this.#buffer.length) return;
    this.#full.push(this.#buffer);
    this.#buffer = undefined;
    this.#length = 0;
  }

  append(bytes: Buffer): void {
    let from = this.skip(bytes.length);
    while (from < bytes.length) {
      const count = bytes.copy(this.free, 0, from);
      from += count;
      this.advance(count);
    }
  }

  /** How many of the next `count` bytes are dropped; the caller must leave them out. */
  skip(count: number): number {
    const dropped = Math.min(this.#skip, count);
    this.#skip -= dropped;
    return dropped;
  }

  /** The next full chunk, if there is one. It belongs to the caller. */
  shift(): Buffer | undefined {
    return this.#full.shift();
  }

  /** What is left when everything was written. */
  last(): Buffer | undefined {
    return this.#length === 0 ? undefined : this.#buffer?.subarray(0, this.#length);
  }
}
