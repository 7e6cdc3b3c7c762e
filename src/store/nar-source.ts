import type { PathInfo } from "./path-info.ts";

/** A piece of a NAR. Its bytes are the reader's until it calls `release`, which it must, once. */
export interface NarChunk {
  readonly bytes: Uint8Array;
  release(): void;
}

/** Where the bytes of NARs come from. */
export interface NarSource {
  /**
   * Says that one reader will read each of these paths once, so that several readers of the same path can share the
   * work. Dispose it when nothing more will be read.
   */
  announce(infos: readonly PathInfo[]): NarReader;
}

export interface NarReader extends Disposable {
  /**
   * The NAR of a path in order, as pieces of at most a few MiB.
   * @throws StoreError `store/unreadable`
   */
  read(info: PathInfo, options?: { readonly signal?: AbortSignal | undefined }): AsyncIterable<NarChunk>;
}
