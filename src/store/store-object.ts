import { createHash } from "node:crypto";
import { formatContentAddress, makeStorePath, sortReferences } from "./content-address.ts";
import type { ContentAddress } from "./content-address.ts";
import type { FileTree } from "./file-tree.ts";
import { treeFile } from "./file-tree.ts";
import { narHashOf } from "./nar-hash.ts";
import { dumpTree, encodeTree } from "./nar/dump-tree.ts";
import { makeChunkPool } from "./chunk-pool.ts";
import type { PathInfo } from "./path-info.ts";
import { ReferenceScanner } from "./reference-scanner.ts";
import type { StorePath } from "./store-path.ts";

/** A store path and what lies at it. */
export interface StoreObject {
  readonly info: PathInfo;
  readonly tree: FileTree;
}

/** The paths that contents are searched for, by their digests. */
export type ReferenceCandidates = ReadonlyMap<string, StorePath>;

/** A text as Nix's `builtins.toFile` adds it to a store. */
export function makeTextObject(name: string, contents: string, candidates: ReferenceCandidates): StoreObject {
  const bytes = Buffer.from(contents);
  const tree = treeFile(bytes);
  const nar = encodeTree(tree);
  const address = { method: "text", digest: sha256(bytes), references: referencesIn(bytes, candidates) } as const;
  return makeObject(name, address, { tree, narDigest: sha256(nar), narSize: nar.length });
}

/** A tree that lies in memory, as `nix-store --add` adds it to a store, with the references it mentions. */
export function makeTreeObject(name: string, tree: FileTree, candidates: ReferenceCandidates): StoreObject {
  const nar = encodeTree(tree);
  const narDigest = sha256(nar);
  const address = { method: "source", digest: narDigest, references: referencesIn(nar, candidates) } as const;
  return makeObject(name, address, { tree, narDigest, narSize: nar.length });
}

/**
 * The same for a tree whose contents may lie on disk; they are read once, a chunk at a time.
 * @throws StoreError `store/unreadable`, `store/changed`.
 */
export async function readTreeObject(
  name: string,
  tree: FileTree,
  { candidates, signal }: { readonly candidates: ReferenceCandidates; readonly signal?: AbortSignal | undefined },
): Promise<StoreObject> {
  const hash = createHash("sha256");
  const scanner = new ReferenceScanner(candidates);
  const pool = makeChunkPool({ keepBytes: 4 * 1024 * 1024 });
  let narSize = 0;
  for await (const chunk of dumpTree(tree, { signal, pool })) {
    hash.update(chunk);
    scanner.push(chunk);
    narSize += chunk.length;
    pool.give(chunk);
  }
  const narDigest = hash.digest();
  const address = { method: "source", digest: narDigest, references: [...scanner.found] } as const;
  return makeObject(name, address, { tree, narDigest, narSize });
}

interface Measured {
  readonly tree: FileTree;
  readonly narDigest: Uint8Array;
  readonly narSize: number;
}

function makeObject(name: string, address: ContentAddress, { tree, narDigest, narSize }: Measured): StoreObject {
  const path = makeStorePath(name, address);
  const references = sortReferences(address.references);
  const ca = formatContentAddress(address);
  return { info: { path, narHash: narHashOf(narDigest), narSize, references, signatures: [], ca }, tree };
}

function referencesIn(bytes: Uint8Array, candidates: ReferenceCandidates): readonly StorePath[] {
  const scanner = new ReferenceScanner(candidates);
  scanner.push(bytes);
  return [...scanner.found];
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
