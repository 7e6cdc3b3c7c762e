import type { Closure } from "./closure.ts";
import type { HostStore } from "./host-store.ts";
import type { NarSource } from "./nar-source.ts";

/** How far a copy has come. What the host had already is in none of the numbers. */
export interface CopyProgress {
  /** Paths the host has acknowledged. */
  readonly paths: number;
  readonly pathsTotal: number;
  /** Bytes of NARs handed to the connection. */
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface CopyClosureOptions {
  readonly narSource: NarSource;
  /** Lets the host fetch what it lacks from its own substituters first. Default: no. */
  readonly substitute?: boolean | undefined;
  /** Called at the beginning and whenever a number changed: often, so be quick. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CopyResult {
  /** Paths sent. */
  readonly paths: number;
  /** Bytes of their NARs. */
  readonly bytes: number;
  /** Paths the host had before. */
  readonly alreadyThere: number;
  /** Paths the host fetched from its own substituters. */
  readonly substituted: number;
}

/**
 * Brings a closure to a host: asks once what is missing, and adds that, references first. The host's garbage collector
 * leaves the closure alone until `hostStore` is disposed, so make it a GC root before that.
 * @throws StoreError; the signal's reason when it aborts.
 */
export async function copyClosure(
  closure: Closure,
  hostStore: HostStore,
  { narSource, substitute = false, onProgress, signal }: CopyClosureOptions,
): Promise<CopyResult> {
  signal?.throwIfAborted();
  const { valid, substituted } = await hostStore.queryValidPaths(
    closure.paths.map(({ path }) => path),
    { substitute, signal },
  );
  const missing = closure.paths.filter(({ path }) => !valid.has(path));
  const totals = { pathsTotal: missing.length, bytesTotal: missing.reduce((sum, { narSize }) => sum + narSize, 0) };
  let paths = 0;
  let bytes = 0;

  onProgress?.({ paths, bytes, ...totals });
  if (missing.length > 0) {
    using nars = narSource.openReader();
    await hostStore.addPaths(missing, {
      nars,
      signal,
      onProgress(step) {
        paths += step.paths;
        bytes += step.bytes;
        onProgress?.({ paths, bytes, ...totals });
      },
    });
  }
  return { paths, bytes, alreadyThere: valid.size - substituted.size, substituted: substituted.size };
}
