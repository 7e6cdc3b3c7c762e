import type { ChunkPool } from "./chunk-pool.ts";
import { makeChunkPool } from "./chunk-pool.ts";
import type { DumpNarOptions } from "./nar/dump-nar.ts";
import { dumpNar } from "./nar/dump-nar.ts";
import type { NarChunk, NarReader, NarSource } from "./nar-source.ts";
import type { PathInfo } from "./path-info.ts";
import { ChunkCache, SharedNar } from "./shared-nar.ts";
import type { StorePath } from "./store-path.ts";

export interface SharedNarSourceOptions {
  /** Bytes kept for readers who have yet to come, over all paths; default 32 MiB. */
  readonly cacheBytes?: number | undefined;
  /** Where the files of a store path are; default: the path itself. */
  readonly locate?: ((path: StorePath) => string) | undefined;
}

const CHUNK_BYTES = 1024 * 1024;
const UNUSED_CHUNKS = 16;

/**
 * NARs made from the files in the operator's store. When several readers announced the same path, each NAR is made
 * once and shared by those who read it at about the same time; who comes too late, or is too slow for the cache to
 * hold on, has it made again from where he is. Memory is bounded whatever the size of a file or the number of readers.
 */
export function sharedNarSource(options: SharedNarSourceOptions = {}): NarSource {
  return new SharedNarSource(options);
}

class SharedNarSource implements NarSource {
  readonly #locate: (path: StorePath) => string;
  readonly #cache: ChunkCache;
  readonly #pool: ChunkPool = makeChunkPool({ chunkBytes: CHUNK_BYTES, keep: UNUSED_CHUNKS });
  /** How many announced readers of a path have not begun. */
  readonly #toCome = new Map<StorePath, number>();
  readonly #shared = new Map<StorePath, SharedNar>();

  constructor({ cacheBytes = 32 * 1024 * 1024, locate = (path) => path }: SharedNarSourceOptions) {
    this.#cache = new ChunkCache(cacheBytes);
    this.#locate = locate;
  }

  announce(infos: readonly PathInfo[]): NarReader {
    const notBegun = new Set(infos.map(({ path }) => path));
    for (const path of notBegun) this.#expect(path, 1);
    return {
      read: (info, { signal } = {}) => this.#read(info, { notBegun, signal }),
      [Symbol.dispose]: () => {
        for (const path of notBegun) this.#expect(path, -1);
        notBegun.clear();
      },
    };
  }

  async *#read(
    info: PathInfo,
    { notBegun, signal }: { readonly notBegun: Set<StorePath>; readonly signal: AbortSignal | undefined },
  ): AsyncGenerator<NarChunk, void, undefined> {
    const announced = notBegun.delete(info.path);
    const others = (this.#toCome.get(info.path) ?? 0) - (announced ? 1 : 0);
    const shared = this.#joinable(info.path) ?? (others > 0 ? this.#share(info) : undefined);
    const chunks = shared?.begin();
    if (announced) this.#expect(info.path, -1);
    const chunksRead = chunks === undefined ? 0 : yield* chunks;
    if (chunksRead === undefined) return;
    for await (const bytes of this.#dump(info, { from: chunksRead * chunkBytesOf(info), signal })) {
      yield {
        bytes,
        release: () => {
          this.#pool.give(bytes);
        },
      };
    }
  }

  #joinable(path: StorePath): SharedNar | undefined {
    const shared = this.#shared.get(path);
    if (shared === undefined || shared.canBeJoined) return shared;
    shared.expect(0);
    this.#shared.delete(path);
    return undefined;
  }

  #share(info: PathInfo): SharedNar {
    const shared = new SharedNar(this.#dump(info), { cache: this.#cache, pool: this.#pool });
    shared.expect(this.#toCome.get(info.path) ?? 0);
    this.#shared.set(info.path, shared);
    return shared;
  }

  #dump(
    info: PathInfo,
    options: Pick<DumpNarOptions, "from" | "signal"> = {},
  ): AsyncGenerator<Buffer, void, undefined> {
    const chunkBytes = chunkBytesOf(info);
    const pool = chunkBytes === CHUNK_BYTES ? this.#pool : undefined;
    return dumpNar(this.#locate(info.path), { chunkBytes, pool, ...options });
  }

  #expect(path: StorePath, change: 1 | -1): void {
    const count = (this.#toCome.get(path) ?? 0) + change;
    this.#shared.get(path)?.expect(count);
    if (count > 0) {
      this.#toCome.set(path, count);
    } else {
      this.#toCome.delete(path);
      this.#shared.delete(path);
    }
  }
}

/** A small NAR is one chunk of just its size, so that what is kept of it takes no more than it has. */
function chunkBytesOf({ narSize }: PathInfo): number {
  return Math.min(narSize, CHUNK_BYTES);
}
