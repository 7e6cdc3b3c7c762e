import { succeeded } from "#core";
import type { Closure, PathInfo, StorePath } from "#store";
import { makeClosure, parsePathInfos } from "#store";
import type { Nix } from "./nix.ts";
import { EXPERIMENTAL } from "./nix.ts";
import { nixFailure, runNix } from "./run-nix.ts";

export interface ReadClosureOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default: five minutes. */
  readonly timeoutMs?: number | undefined;
}

/** The closure of one system; see {@link readClosures}. */
export async function readClosure(nix: Nix, toplevel: StorePath, options: ReadClosureOptions = {}): Promise<Closure> {
  return makeClosure(toplevel, await readPathInfos(nix, [toplevel], options));
}

/**
 * The closures of many systems, asked from the operator's store at once. A path that several share is read once and is
 * one object in all of them.
 * @throws NixError `nix/failed` when one is not valid, `nix/timeout`; StoreError `store/path-info`; the signal's reason.
 */
export async function readClosures(
  nix: Nix,
  toplevels: readonly StorePath[],
  options: ReadClosureOptions = {},
): Promise<ReadonlyMap<StorePath, Closure>> {
  if (toplevels.length === 0) return new Map();
  const infos = await readPathInfos(nix, [...new Set(toplevels)], options);
  return new Map(toplevels.map((toplevel) => [toplevel, makeClosure(toplevel, infos)]));
}

async function readPathInfos(
  nix: Nix,
  paths: readonly StorePath[],
  { signal, timeoutMs = 300_000 }: ReadClosureOptions,
): Promise<PathInfo[]> {
  const argv = ["nix", "path-info", ...EXPERIMENTAL, "--recursive", "--json", ...paths] as const;
  const result = await runNix(nix, argv, { signal, timeoutMs });
  if (!succeeded(result)) {
    throw nixFailure(
      `read the closure of ${paths.length === 1 ? String(paths[0]) : `${paths.length} systems`}`,
      result,
    );
  }
  return parsePathInfos(result.stdout);
}
