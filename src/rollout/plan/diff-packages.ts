import type { Closure, PackageChange, StoredPath, StorePath } from "#store";
import { diffClosures, storePathName } from "#store";
import { withoutHostName } from "./without-host-name.ts";

/** From what a host runs to what it is to have, by packages. The toplevels are told of by themselves. Pure. */
export function diffPackages(
  before: readonly StoredPath[],
  after: Pick<Closure, "toplevel"> & { readonly paths: readonly StoredPath[] },
  { running, host }: { readonly running: StorePath | undefined; readonly host: string },
): readonly PackageChange[] {
  return diffClosures(
    before.filter(({ path }) => path !== running),
    after.paths.filter(({ path }) => path !== after.toplevel),
    { nameOf: (path) => withoutHostName(storePathName(path), host) },
  ).packages;
}
