/**
 * Content-addressed store paths, computed as Nix does.
 *
 *     path        = "/nix/store/" digest "-" name
 *     digest      = nixbase32(fold20(sha256(fingerprint)))
 *     fingerprint = type { ":" reference } ":sha256:" hex ":/nix/store:" name
 *
 * `fold20` xors byte `i` into byte `i mod 20`. References are whole store paths, sorted, each once.
 * - type `text`: one file, not executable; `hex` is the SHA-256 of its contents. Nix's `builtins.toFile`.
 * - type `source`: any tree; `hex` is the SHA-256 of its NAR. Nix's `nix-store --add` and `builtins.path`.
 *
 * What such a path is, its `ca` says again: `text:sha256:<nixbase32>` or `fixed:r:sha256:<nixbase32>`. A store checks
 * the path against it and needs no signature.
 */
import { createHash } from "node:crypto";
import { encodeNixBase32 } from "./nix-base32.ts";
import type { StorePath } from "./store-path.ts";
import { parseStorePath, STORE_FOLDER } from "./store-path.ts";

/** What a content-addressed path is made of. */
export interface ContentAddress {
  readonly method: "text" | "source";
  /** SHA-256 of the contents (`text`) or of the NAR (`source`). */
  readonly digest: Uint8Array;
  readonly references: readonly StorePath[];
}

/**
 * The store path of something with this name and content address.
 * @throws StoreError `store/path` when `name` cannot be the name of a store path.
 */
export function makeStorePath(name: string, { method, digest, references }: ContentAddress): StorePath {
  const type = [method, ...sortReferences(references)].join(":");
  const fingerprint = `${type}:sha256:${Buffer.from(digest).toString("hex")}:${STORE_FOLDER}:${name}`;
  const folded = new Uint8Array(DIGEST_BYTES);
  createHash("sha256")
    .update(fingerprint)
    .digest()
    .forEach((byte, index) => {
      folded[index % DIGEST_BYTES] = (folded[index % DIGEST_BYTES] ?? 0) ^ byte;
    });
  return parseStorePath(`${STORE_FOLDER}/${encodeNixBase32(folded)}-${name}`);
}

/** The `ca` of a path, as path infos carry it. */
export function formatContentAddress({ method, digest }: Pick<ContentAddress, "method" | "digest">): string {
  return `${method === "text" ? "text" : "fixed:r"}:sha256:${encodeNixBase32(digest)}`;
}

/** References in the one order Nix has them in, each once. */
export function sortReferences(references: Iterable<StorePath>): readonly StorePath[] {
  return [...new Set(references)].sort((a, b) => (a < b ? -1 : 1));
}

const DIGEST_BYTES = 20;
