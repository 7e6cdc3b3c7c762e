/** Memory for chunks of one size, used again instead of left to the garbage collector. */
export interface ChunkPool {
  readonly chunkBytes: number;
  /** A buffer of `chunkBytes` bytes with anything in it. */
  take(): Buffer;
  /** Gives back a buffer from {@link ChunkPool.take}, or the front part of one. Nobody may read it after that. */
  give(buffer: Uint8Array): void;
}

/** @param keep how many unused buffers to hold on to. */
export function makeChunkPool({ chunkBytes, keep }: { readonly chunkBytes: number; readonly keep: number }): ChunkPool {
  const unused: ArrayBufferLike[] = [];
  return {
    chunkBytes,
    take() {
      const memory = unused.pop();
      return memory === undefined ? Buffer.allocUnsafeSlow(chunkBytes) : Buffer.from(memory);
    },
    give({ buffer }) {
      if (buffer.byteLength === chunkBytes && unused.length < keep) unused.push(buffer);
    },
  };
}
