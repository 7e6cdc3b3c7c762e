import type { ChunkPool } from "./chunk-pool.ts";
import type { NarChunk } from "./nar-source.ts";

/** Bytes of chunks kept for readers still to come, over all NARs together; the oldest go first. */
export class ChunkCache {
  readonly #maxBytes: number;
  readonly #held = new Map<SharedChunk, () => void>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param forget called when the chunk goes, to take it from wherever readers find it. */
  hold(chunk: SharedChunk, forget: () => void): void {
    this.#held.set(chunk, forget);
    this.#bytes += chunk.bytes.length;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.drop(oldest);
    }
  }

  drop(chunk: SharedChunk): void {
    const forget = this.#held.get(chunk);
    if (forget === undefined) return;
    this.#held.delete(chunk);
    this.#bytes -= chunk.bytes.length;
    forget();
    chunk.release();
  }
}

/** A chunk with several holders; its memory goes back to the pool when the last has released it. */
export class SharedChunk {
  readonly bytes: Buffer;
  readonly #pool: ChunkPool;
  #holders = 1;

  constructor(bytes: Buffer, pool: ChunkPool) {
    this.bytes = bytes;
    this.#pool = pool;
  }

  /** One more holder, who must release it. */
  share(): NarChunk {
    this.#holders += 1;
    return {
      bytes: this.bytes,
      release: () => {
        this.release();
      },
    };
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#pool.give(this.bytes);
  }
}

/**
 * One NAR while several readers read it more or less in step: whoever comes to a chunk first has it made, the others
 * find it. A chunk is kept until nobody will come for it any more, or until the cache has no room for it.
 */
export class SharedNar {
  readonly #chunks: AsyncGenerator<Buffer, void, undefined>;
  readonly #cache: ChunkCache;
  readonly #pool: ChunkPool;
  readonly #kept = new Map<number, SharedChunk>();
  readonly #readers = new Set<{ next: number }>();
  #made = 0;
  #toCome = 0;
  #ended = false;
  #closed = false;
  /** The making of the next chunk; stays when it failed, so that everyone hears of it. */
  #making: Promise<void> | undefined;

  constructor(
    chunks: AsyncGenerator<Buffer, void, undefined>,
    { cache, pool }: { readonly cache: ChunkCache; readonly pool: ChunkPool },
  ) {
    this.#chunks = chunks;
    this.#cache = cache;
    this.#pool = pool;
  }

  /** Whether a reader that begins now still finds the first chunk. */
  get canBeJoined(): boolean {
    return !this.#closed && (this.#made === 0 || this.#kept.has(0));
  }

  /** Says how many readers have yet to begin. */
  expect(readers: number): void {
    this.#toCome = readers;
    for (const index of [...this.#kept.keys()]) this.#dropIfUnwanted(index);
    this.closeIfIdle();
  }

  /**
   * Takes on a reader, who must iterate what is returned. Its return value is how many chunks were read when the reader
   * has fallen so far behind that the next one is gone, or undefined at the end of the NAR.
   */
  begin(): AsyncGenerator<NarChunk, number | undefined, undefined> {
    const reader = { next: 0 };
    this.#readers.add(reader);
    return this.#read(reader);
  }

  /** Lets go of the file being read when nobody reads and nobody could join. */
  closeIfIdle(): void {
    if (this.#closed || this.#readers.size > 0 || (this.#toCome > 0 && this.canBeJoined)) return;
    this.#closed = true;
    this.#chunks.return().catch(() => undefined);
  }

  async *#read(reader: { next: number }): AsyncGenerator<NarChunk, number | undefined, undefined> {
    try {
      for (;;) {
        const index = reader.next;
        const kept = this.#kept.get(index);
        if (kept !== undefined) {
          const chunk = kept.share();
          reader.next += 1;
          this.#dropIfUnwanted(index);
          yield chunk;
        } else if (index < this.#made) {
          return index;
        } else if (this.#ended) {
          return undefined;
        } else {
          this.#making ??= this.#makeNext();
          await this.#making;
        }
      }
    } finally {
      this.#readers.delete(reader);
      for (let index = reader.next; index < this.#made; index += 1) this.#dropIfUnwanted(index);
      this.closeIfIdle();
    }
  }

  async #makeNext(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    this.#making = undefined;
    if (done === true) {
      this.#ended = true;
      return;
    }
    const index = this.#made;
    const chunk = new SharedChunk(value, this.#pool);
    this.#made += 1;
    this.#kept.set(index, chunk);
    this.#cache.hold(chunk, () => this.#kept.delete(index));
  }

  #dropIfUnwanted(index: number): void {
    const chunk = this.#kept.get(index);
    if (chunk === undefined || this.#toCome > 0) return;
    for (const reader of this.#readers) if (reader.next <= index) return;
    this.#cache.drop(chunk);
  }
}
