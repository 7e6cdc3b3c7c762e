import type { NarReader } from "./nar-source.ts";
import type { PathInfo } from "./path-info.ts";
import type { StorePath } from "./store-path.ts";

/** What a host was found to have. */
export interface ValidPaths {
  readonly valid: ReadonlySet<StorePath>;
  /** Those of `valid` that the host fetched from its own substituters just now. */
  readonly substituted: ReadonlySet<StorePath>;
}

export interface AddPathsOptions {
  readonly nars: NarReader;
  /** Called with the bytes of NARs handed on, and with 0 or more paths the host has acknowledged. Often; be quick. */
  readonly onProgress?: ((step: { readonly bytes: number; readonly paths: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The store of one host: a Nix store, or `/nix/store` filled without Nix. After a failure or an abort it takes no more
 * work and is only to be disposed.
 */
export interface HostStore extends AsyncDisposable {
  /**
   * Which of `paths` the host has. From the question until this store is disposed the host's garbage collector leaves
   * all of them alone, also those yet to be added.
   */
  queryValidPaths(
    paths: readonly StorePath[],
    options: { readonly substitute: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<ValidPaths>;
  /**
   * Adds paths; settles when all of them are valid on the host.
   * @param infos references first; references not among them must be on the host already.
   */
  addPaths(infos: readonly PathInfo[], options: AddPathsOptions): Promise<void>;
}
