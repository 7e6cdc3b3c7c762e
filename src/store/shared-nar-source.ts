import type { ChunkPool } from "./chunk-pool.ts";
import { makeChunkPool } from "./chunk-pool.ts";
import type { DumpNarOptions } from "./nar/dump-nar.ts";
import type { FileTree } from "./file-tree.ts";
import { dumpNar } from "./nar/dump-nar.ts";
import { dumpTree } from "./nar/dump-tree.ts";
import type { NarChunk, NarReader, NarSource } from "./nar-source.ts";
import type { PathInfo } from "./path-info.ts";
import { ChunkCache, SharedNar } from "./shared-nar.ts";
import type { StorePath } from "./store-path.ts";

export interface SharedNarSourceOptions {
  /** Bytes kept for readers who have yet to come, over all paths; default 24 MiB. */
  readonly cacheBytes?: number | undefined;
  /** Where the files of a store path are, or its tree where that lies in memory; default: the path itself. */
  readonly locate?: ((path: StorePath) => string | FileTree) | undefined;
}

/**
 * NARs made from the files in the operator's store. Readers of the same path at about the same time share one making
 * of it; who comes too late, or is too slow for the cache to hold on, has it made again from where he is. Memory is
 * bounded whatever the size of a file or the number of readers, and let go of when nobody reads.
 */
export function sharedNarSource(options: SharedNarSourceOptions = {}): NarSource {
  return new SharedNarSource(options);
}

const CHUNK_BYTES = 1024 * 1024;
const UNUSED_BYTES = 8 * 1024 * 1024;

class SharedNarSource implements NarSource {
  readonly #locate: (path: StorePath) => string | FileTree;
  readonly #cache: ChunkCache;
  readonly #pool: ChunkPool = makeChunkPool({ keepBytes: UNUSED_BYTES });
  /** NARs that a reader can begin with now. */
  readonly #shared = new Map<StorePath, SharedNar>();
  #readers = 0;

  constructor({ cacheBytes = 24 * 1024 * 1024, locate = (path) => path }: SharedNarSourceOptions) {
    this.#cache = new ChunkCache(cacheBytes);
    this.#locate = locate;
  }

  openReader(): NarReader {
    let open = true;
    this.#readers += 1;
    return {
      read: (info, { signal } = {}) => this.#read(info, signal),
      [Symbol.dispose]: () => {
        if (!open) return;
        open = false;
        this.#readers -= 1;
        if (this.#readers === 0) this.#cache.clear();
      },
    };
  }

  async *#read(info: PathInfo, signal: AbortSignal | undefined): AsyncGenerator<NarChunk, void, undefined> {
    const shared = this.#shared.get(info.path) ?? this.#share(info);
    const chunksRead = yield* shared.read();
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

  #share(info: PathInfo): SharedNar {
    const shared = new SharedNar(this.#dump(info), {
      cache: this.#cache,
      pool: this.#pool,
      onStale: () => {
        if (this.#shared.get(info.path) === shared) this.#shared.delete(info.path);
      },
    });
    this.#shared.set(info.path, shared);
    return shared;
  }

  #dump(
    info: PathInfo,
    options: Pick<DumpNarOptions, "from" | "signal"> = {},
  ): AsyncGenerator<Buffer, void, undefined> {
    const place = this.#locate(info.path);
    const settings = { chunkBytes: chunkBytesOf(info), pool: this.#pool, ...options };
    return typeof place === "string" ? dumpNar(place, settings) : dumpTree(place, settings);
  }
}

/** A small NAR is one chunk of just its size, so that what is kept of it takes no more than it has. */
function chunkBytesOf({ narSize }: PathInfo): number {
  return Math.min(narSize, CHUNK_BYTES);
}
