import { StoreError } from "../errors.ts";
import type { PathInfo } from "../path-info.ts";
import type { StorePath } from "../store-path.ts";

/** What a store holds and what must stay, as it was read from a host. */
export interface StoreState {
  /** What lies in the store. */
  readonly stored: ReadonlySet<StorePath>;
  /** What is known, by path; also of paths that are not there. */
  readonly infos: ReadonlyMap<StorePath, PathInfo>;
  readonly generations: readonly Generation[];
  /** The number of the profile's generation. */
  readonly current: number | undefined;
  readonly roots: readonly Root[];
}

export interface Generation {
  readonly number: number;
  readonly path: StorePath;
}

export interface Root {
  readonly kind: "running" | "booted" | "gcroot" | "profile" | "temp" | "process";
  readonly path: StorePath;
}

/** What a collection takes away. */
export interface GarbagePlan {
  /** Numbers of the generations whose links go, ascending. */
  readonly generations: readonly number[];
  /** Paths nothing reaches, referrers before what they refer to. */
  readonly paths: readonly StorePath[];
  /** Paths that are known and not there. */
  readonly forgotten: readonly StorePath[];
  /** Bytes of the NARs of `paths`. */
  readonly bytes: number;
}

/**
 * Decides what goes: generations but the newest `keep`, the profile's own and those that run or were booted; and every
 * path that no root and no generation that stays reaches.
 * @param keep default: all.
 * @throws StoreError `store/unregistered` when something in use has no info, for then nobody knows what it needs.
 */
export function planGarbage(
  state: StoreState,
  { keep = Number.POSITIVE_INFINITY }: { readonly keep?: number | undefined } = {},
): GarbagePlan {
  const staying = stayingGenerations(state, keep);
  const live = reach(state, staying);
  const dead = [...state.stored].filter((path) => !live.has(path));
  const paths = referrersFirst(dead, state.infos);
  return {
    generations: state.generations
      .filter((generation) => !staying.has(generation))
      .map(({ number }) => number)
      .sort((a, b) => a - b),
    paths,
    forgotten: [...state.infos.keys()].filter((path) => !state.stored.has(path)),
    bytes: paths.reduce((sum, path) => sum + (state.infos.get(path)?.narSize ?? 0), 0),
  };
}

function stayingGenerations({ generations, current, roots }: StoreState, keep: number): Set<Generation> {
  const inUse = new Set(roots.filter(({ kind }) => kind === "running" || kind === "booted").map(({ path }) => path));
  const newest = [...generations].sort((a, b) => b.number - a.number).slice(0, keep);
  return new Set([...newest, ...generations.filter(({ number, path }) => number === current || inUse.has(path))]);
}

function reach({ stored, infos, roots }: StoreState, generations: Iterable<Generation>): Set<StorePath> {
  const live = new Set<StorePath>();
  const open: StorePath[] = [];
  const visit = (path: StorePath): void => {
    if (live.has(path)) return;
    live.add(path);
    open.push(path);
  };
  // What a copy asked about, or a process mentions, need not be valid.
  const vouched = roots.filter(({ kind }) => kind !== "temp" && kind !== "process");
  for (const { path } of [...generations, ...vouched]) expectKnown(path, { stored, infos });
  for (const { path } of [...generations, ...roots]) visit(path);
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const reference of infos.get(path)?.references ?? []) visit(reference);
  }
  return live;
}

function expectKnown(path: StorePath, { stored, infos }: Pick<StoreState, "stored" | "infos">): void {
  if (!stored.has(path) || infos.has(path)) return;
  throw new StoreError("store/unregistered", `${path} is in use, and the host has no record of what it refers to`, {
    hint: "it did not come there by skep; deploy it once, or remove the root that names it",
  });
}

/** The reverse of an order in which each path comes after what it refers to; circles are cut anywhere. */
function referrersFirst(paths: readonly StorePath[], infos: StoreState["infos"]): StorePath[] {
  const wanted = new Set(paths);
  const done = new Set<StorePath>();
  const order: StorePath[] = [];
  for (const start of paths) {
    const trail = [{ path: start, next: 0 }];
    if (done.has(start)) continue;
    done.add(start);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const reference = infos.get(top.path)?.references[top.next];
      top.next += 1;
      if (reference === undefined) {
        order.push(top.path);
        trail.pop();
      } else if (wanted.has(reference) && !done.has(reference)) {
        done.add(reference);
        trail.push({ path: reference, next: 0 });
      }
    }
  }
  return order.reverse();
}
