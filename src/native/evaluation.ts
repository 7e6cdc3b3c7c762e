import type { ScopeHost } from "#hive";
import type { Closure, FileTree, PathInfo, StoreObject, StorePath } from "#store";
import { makeClosure, makeTextObject, makeTreeObject, readTreeObject, storePathDigest } from "#store";
import type { ObjectCache } from "./object-cache.ts";
import { storeName } from "./store-name.ts";

/** The store objects of one host's system while it is put together. */
export class Evaluation {
  readonly host: ScopeHost;
  readonly signal: AbortSignal | undefined;
  readonly #cache: ObjectCache;
  readonly #infos = new Map<StorePath, PathInfo>();
  /** What texts are searched for: every path the system has so far. */
  readonly #candidates = new Map<string, StorePath>();
  /** What files of this machine are searched for: they can speak of nothing but what Nix built. */
  readonly #builtByNix = new Map<string, StorePath>();
  readonly #nixToplevels: StorePath[] = [];

  constructor(
    host: ScopeHost,
    { cache, signal }: { readonly cache: ObjectCache; readonly signal?: AbortSignal | undefined },
  ) {
    this.host = host;
    this.signal = signal;
    this.#cache = cache;
  }

  /** A text as a file of its own. */
  addText(name: string, contents: string): StorePath {
    return this.#take(makeTextObject(storeName(name), contents, this.#candidates));
  }

  /** A tree in memory. */
  addTree(name: string, tree: FileTree): StorePath {
    return this.#take(makeTreeObject(storeName(name), tree, this.#candidates));
  }

  /** Files of this machine, which are read once for all hosts that share them. `source` says which files they are. */
  async addFiles(name: string, source: readonly unknown[], read: () => Promise<FileTree>): Promise<StorePath> {
    const candidates = this.#builtByNix;
    const key = JSON.stringify([name, source, this.#nixToplevels]);
    const object = await this.#cache.share(key, async () =>
      readTreeObject(storeName(name), await read(), { candidates, signal: this.signal }),
    );
    return this.#take(object);
  }

  /** A path that Nix built, with all it refers to. */
  addClosure(closure: Closure): StorePath {
    for (const info of closure.paths) {
      this.#infos.set(info.path, info);
      this.#candidates.set(storePathDigest(info.path), info.path);
      this.#builtByNix.set(storePathDigest(info.path), info.path);
    }
    this.#nixToplevels.push(closure.toplevel);
    return closure.toplevel;
  }

  /** The tree of a path made here; undefined for what Nix built. */
  treeOf(path: StorePath): FileTree | undefined {
    return this.#cache.treeOf(path);
  }

  closureOf(toplevel: StorePath): Closure {
    return makeClosure(toplevel, this.#infos.values());
  }

  #take(object: StoreObject): StorePath {
    const { path } = object.info;
    this.#cache.keep(object);
    this.#infos.set(path, object.info);
    this.#candidates.set(storePathDigest(path), path);
    return path;
  }
}
