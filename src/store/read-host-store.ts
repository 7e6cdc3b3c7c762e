import type { CommandChannel } from "#core";
import type { StoredPath } from "./diff-closures.ts";
import { openServeClient } from "./serve/serve-client.ts";
import type { StorePath } from "./store-path.ts";

/** What is to be found out about the store of a host. */
export interface ReadHostStoreOptions {
  /** The system whose closure is asked for. */
  readonly toplevel: StorePath | undefined;
  /** Paths that the host may have or not. */
  readonly wanted: readonly StorePath[];
  /** The NAR size of a path that is known here, so that the host need not tell it. */
  readonly sizeOf?: ((path: StorePath) => number | undefined) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the store of a host has. */
export interface HostStoreReading {
  /** The closure of the toplevel, in no order; undefined when it is not there. */
  readonly closure: readonly StoredPath[] | undefined;
  /** Those of `wanted` that the host lacks, in their order. */
  readonly missing: readonly StorePath[];
}

/** What to run on a host to ask its store, and not to write to it. */
export const readOnlyServeCommand = ["nix-store", "--serve"] as const;

/**
 * Asks a Nix store, over one `nix-store --serve` channel that cannot write.
 * @throws StoreError as `openServeClient` does; what `openChannel` throws; the signal's reason.
 */
export async function readNixHostStore({
  openChannel,
  toplevel,
  wanted,
  sizeOf = () => undefined,
  signal,
}: ReadHostStoreOptions & {
  /** Starts {@link readOnlyServeCommand} on the host. */
  readonly openChannel: (signal?: AbortSignal) => Promise<CommandChannel>;
}): Promise<HostStoreReading> {
  await using client = await openServeClient(await openChannel(signal), { signal });
  const query = { lock: false, substitute: false, signal };
  const isThere = toplevel !== undefined && (await client.queryValidPaths([toplevel], query)).has(toplevel);
  const paths = isThere ? await client.queryClosure([toplevel], { signal }) : [];
  const known = new Set(paths);
  // What the closure has is there. Both questions are on their way together.
  const [infos, valid] = await Promise.all([
    client.queryPathInfos(
      paths.filter((path) => sizeOf(path) === undefined),
      { signal },
    ),
    client.queryValidPaths(
      wanted.filter((path) => !known.has(path)),
      query,
    ),
  ]);
  const sizes = new Map(infos.map(({ path, narSize }) => [path, narSize]));
  return {
    closure: isThere ? paths.map((path) => ({ path, narSize: sizes.get(path) ?? sizeOf(path) ?? 0 })) : undefined,
    missing: wanted.filter((path) => !known.has(path) && !valid.has(path)),
  };
}
