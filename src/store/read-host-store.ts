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
  const asked = toplevel === undefined ? wanted : [toplevel, ...wanted];
  const valid = await client.queryValidPaths(asked, { lock: false, substitute: false, signal });
  const missing = wanted.filter((path) => !valid.has(path));
  if (toplevel === undefined || !valid.has(toplevel)) return { closure: undefined, missing };
  const sizes = new Map<StorePath, number>();
  const unknown: StorePath[] = [];
  for (const path of await client.queryClosure([toplevel], { signal })) {
    const narSize = sizeOf(path);
    if (narSize === undefined) unknown.push(path);
    else sizes.set(path, narSize);
  }
  const infos = unknown.length === 0 ? [] : await client.queryPathInfos(unknown, { signal });
  for (const { path, narSize } of infos) sizes.set(path, narSize);
  return { closure: Array.from(sizes, ([path, narSize]) => ({ path, narSize })), missing };
}
