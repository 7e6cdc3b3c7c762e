import { StoreError } from "./errors.ts";
import type { PathInfo } from "./path-info.ts";
import type { StorePath } from "./store-path.ts";

/** A store path with everything it needs at run time. */
export interface Closure {
  readonly toplevel: StorePath;
  /** Every path of it once, references before referrers, the toplevel last. */
  readonly paths: readonly PathInfo[];
  /** Bytes of all NARs together. */
  readonly narSize: number;
}

interface Visit {
  readonly info: PathInfo;
  next: number;
}

/**
 * Orders the paths `toplevel` reaches. Others in `infos` are left out.
 * @throws StoreError `store/closure` when a reference is not among `infos` or references go in a circle.
 */
export function makeClosure(toplevel: StorePath, infos: Iterable<PathInfo>): Closure {
  const known = new Map<StorePath, PathInfo>();
  for (const info of infos) known.set(info.path, info);

  const paths: PathInfo[] = [];
  const state = new Map<StorePath, "open" | "done">();
  const trail: Visit[] = [];
  const visit = (path: StorePath, referrer: StorePath | undefined): void => {
    const info = known.get(path);
    if (info === undefined) throw missing(path, referrer);
    state.set(path, "open");
    trail.push({ info, next: 0 });
  };

  visit(toplevel, undefined);
  for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
    const reference = top.info.references[top.next];
    top.next += 1;
    if (reference === undefined) {
      state.set(top.info.path, "done");
      paths.push(top.info);
      trail.pop();
    } else if (reference !== top.info.path) {
      const seen = state.get(reference);
      if (seen === "open") throw circle(reference, top.info.path);
      if (seen === undefined) visit(reference, top.info.path);
    }
  }
  return { toplevel, paths, narSize: paths.reduce((sum, { narSize }) => sum + narSize, 0) };
}

function missing(path: StorePath, referrer: StorePath | undefined): StoreError {
  const why = referrer === undefined ? "it is not among the paths given" : `${referrer} refers to it`;
  return new StoreError("store/closure", `the closure lacks ${path}: ${why}`, {
    hint: "run nix-store --verify on the operator's machine; its store may have lost paths",
  });
}

function circle(path: StorePath, referrer: StorePath): StoreError {
  return new StoreError("store/closure", `references go in a circle: ${referrer} refers to ${path}, which reaches it`);
}
