import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host, NativeSource } from "#hive";
import type { Closure, FileTree, StorePath } from "#store";
import { lookUpInTree } from "#store";
import { Evaluation } from "./evaluation.ts";
import { evaluateSystem } from "./evaluate-system.ts";
import type { Manifest } from "./manifest.ts";
import { parseManifest } from "./manifest.ts";
import { ObjectCache } from "./object-cache.ts";

export interface NativeEvaluatorOptions {
  /** The closure of a path that Nix built, for `storePath()` packages. Asked once for each path. */
  readonly readNixClosure: (
    path: StorePath,
    options: { readonly signal?: AbortSignal | undefined },
  ) => Promise<Closure>;
}

/** A host whose system is written in TypeScript. */
export type NativeHost = Pick<Host, "name" | "tags" | "target"> & { readonly system: NativeSource };

/** Evaluates the systems of one run. Keep it until they are copied: it holds what their paths are made of. */
export interface NativeEvaluator extends AsyncDisposable {
  /**
   * The closure of a host's system: content-addressed paths that any Nix accepts without a signature. The same hive and
   * files give the same paths. What hosts share is read and hashed once.
   * @throws NativeError; StoreError `store/unreadable`, `store/changed`, `store/tar`; what `readNixClosure` throws.
   */
  evaluate(host: NativeHost, options?: { readonly signal?: AbortSignal | undefined }): Promise<Closure>;
  /** What the switch-to-configuration of a system made here goes by; undefined for one that was not. */
  readonly manifestOf: (toplevel: StorePath) => Manifest | undefined;
  /** Where the files of a path are: a tree for what was made here, the path itself for all others. For `sharedNarSource`. */
  readonly locate: (path: StorePath) => FileTree | StorePath;
}

export function openNativeEvaluator({ readNixClosure }: NativeEvaluatorOptions): NativeEvaluator {
  const cache = new ObjectCache();
  const closures = new Map<StorePath, Promise<Closure>>();
  const scratch = makeScratch();
  return {
    async evaluate({ name, tags, target, system }, { signal } = {}) {
      signal?.throwIfAborted();
      const evaluation = new Evaluation({ name, tags, address: target.host }, { cache, signal });
      return evaluateSystem(evaluation, system, {
        scratchFile: () => scratch.newFile(),
        readNixClosure(path, options) {
          const closure = closures.get(path) ?? readNixClosure(path, options);
          closures.set(path, closure);
          closure.catch(() => closures.delete(path));
          return closure;
        },
      });
    },
    manifestOf(toplevel) {
      const tree = cache.treeOf(toplevel);
      const file = tree === undefined ? undefined : lookUpInTree(tree, "manifest");
      if (file?.kind !== "file" || !(file.contents instanceof Uint8Array)) return undefined;
      return parseManifest(Buffer.from(file.contents).toString());
    },
    locate: (path) => cache.treeOf(path) ?? path,
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

/** A folder that is made when the first file in it is wanted. */
function makeScratch(): AsyncDisposable & { newFile(): Promise<string> } {
  let folder: Promise<string> | undefined;
  let files = 0;
  return {
    async newFile() {
      folder ??= mkdtemp(join(tmpdir(), "skep-archives-"));
      files += 1;
      return join(await folder, String(files));
    },
    async [Symbol.asyncDispose]() {
      if (folder !== undefined) await rm(await folder, { recursive: true, force: true });
    },
  };
}
