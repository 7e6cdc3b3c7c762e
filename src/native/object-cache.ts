import type { FileTree, StoreObject, StorePath } from "#store";

/** What the hosts of a run share: files that were read, and the trees of all paths made. */
export class ObjectCache {
  readonly #shared = new Map<string, Promise<StoreObject>>();
  readonly #trees = new Map<StorePath, FileTree>();

  /** The object of that key, made once; one that failed is made again for the next who asks. */
  share(key: string, make: () => Promise<StoreObject>): Promise<StoreObject> {
    const found = this.#shared.get(key);
    if (found !== undefined) return found;
    const object = make();
    this.#shared.set(key, object);
    object.catch(() => this.#shared.delete(key));
    return object;
  }

  /** Keeps the first tree of a path; a later one is the same. */
  keep({ info, tree }: StoreObject): void {
    if (!this.#trees.has(info.path)) this.#trees.set(info.path, tree);
  }

  treeOf(path: StorePath): FileTree | undefined {
    return this.#trees.get(path);
  }
}
