import type { PathInfo } from "./path-info.ts";

/** A piece of a NAR. Its bytes are the reader's until it calls `release`, which it must, once. */
export interface NarChunk {
  readonly bytes: Uint8Array;
  release(): void;
}

/** Where the bytes of NARs come from. */
export interface NarSource {
  /** A reader for one copy. Dispose it when nothing more will be read. */
  openReader(): NarReader;
}

export interface NarReader extends Disposable {
  /**
   * The NAR of a path in order, in pieces of at most a few MiB.
   * @throws StoreError `store/unreadable`
   */
  read(info: PathInfo, options?: { readonly signal?: AbortSignal | undefined }): AsyncIterable<NarChunk>;
}
