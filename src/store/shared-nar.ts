import type { ChunkPool } from "./chunk-pool.ts";
import type { NarChunk } from "./nar-source.ts";

/** The chunks made last, over all NARs, for readers still to come; the oldest go first. */
export class ChunkCache {
  readonly #maxBytes: number;
  readonly #held = new Map<SharedChunk, () => void>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param forget called when the chunk goes, to take it from where readers find it. */
  hold(chunk: SharedChunk, forget: () => void): void {
    this.#held.set(chunk, forget);
    this.#bytes += chunk.bytes.length;
    this.#shrinkTo(this.#maxBytes);
  }

  clear(): void {
    this.#shrinkTo(0);
  }

  #shrinkTo(bytes: number): void {
    for (const [oldest, forget] of this.#held) {
      if (this.#bytes <= bytes) return;
      this.#held.delete(oldest);
      this.#bytes -= oldest.bytes.length;
      forget();
      oldest.release();
    }
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

interface SharedNarParts {
  readonly cache: ChunkCache;
  readonly pool: ChunkPool;
  /** Called when readers can no longer begin here. */
  readonly onStale: () => void;
}

/**
 * One NAR for several readers more or less in step: whoever comes to a chunk first has it made, the others find it as
 * long as the cache holds it.
 */
export class SharedNar {
  readonly #chunks: AsyncGenerator<Buffer, void, undefined>;
  readonly #parts: SharedNarParts;
  readonly #kept = new Map<number, SharedChunk>();
  #readers = 0;
  #made = 0;
  #ended = false;
  /** The making of the next chunk; stays when it failed, so that everyone hears of it. */
  #making: Promise<void> | undefined;

  constructor(chunks: AsyncGenerator<Buffer, void, undefined>, parts: SharedNarParts) {
    this.#chunks = chunks;
    this.#parts = parts;
  }

  /**
   * Reads from the first chunk on. Returns how many chunks were read when the reader has fallen so far behind that the
   * next one is gone, or undefined at the end of the NAR.
   */
  async *read(): AsyncGenerator<NarChunk, number | undefined, undefined> {
    this.#readers += 1;
    try {
      for (let index = 0; ;) {
        const kept = this.#kept.get(index);
        if (kept !== undefined) {
          index += 1;
          yield kept.share();
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
      this.#readers -= 1;
      if (this.#readers === 0 && !this.#ended) this.#abandon();
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
    const chunk = new SharedChunk(value, this.#parts.pool);
    this.#made += 1;
    this.#kept.set(index, chunk);
    this.#parts.cache.hold(chunk, () => {
      this.#kept.delete(index);
      if (index === 0) this.#parts.onStale();
    });
  }

  /** Nobody reads on: lets go of the file. */
  #abandon(): void {
    this.#parts.onStale();
    this.#chunks.return().catch(() => undefined);
  }
}
