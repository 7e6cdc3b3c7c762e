/** Memory for chunks, used again instead of left to the garbage collector, which is late to notice memory of this kind. */
export interface ChunkPool {
  /** A buffer of `bytes` bytes with anything in it. */
  take(bytes: number): Buffer;
  /** Gives back a buffer from {@link ChunkPool.take}, or the front part of one. Nobody may read it after that. */
  give(buffer: Uint8Array): void;
}

/** Memory comes in multiples of this, so that chunks of about the same size can share it. */
const UNIT_BYTES = 64 * 1024;

/** @param keepBytes how much unused memory to hold on to. */
export function makeChunkPool({ keepBytes }: { readonly keepBytes: number }): ChunkPool {
  const unused = new Map<number, ArrayBufferLike[]>();
  let unusedBytes = 0;
  return {
    take(bytes) {
      if (bytes < UNIT_BYTES / 2) return Buffer.allocUnsafe(bytes);
      const memoryBytes = Math.ceil(bytes / UNIT_BYTES) * UNIT_BYTES;
      const memory = unused.get(memoryBytes)?.pop();
      if (memory === undefined) return Buffer.allocUnsafeSlow(memoryBytes).subarray(0, bytes);
      unusedBytes -= memoryBytes;
      return Buffer.from(memory, 0, bytes);
    },
    give({ buffer }) {
      const { byteLength } = buffer;
      if (byteLength % UNIT_BYTES !== 0 || unusedBytes + byteLength > keepBytes) return;
      const alike = unused.get(byteLength) ?? [];
      unused.set(byteLength, alike);
      alike.push(buffer);
      unusedBytes += byteLength;
    },
  };
}
