import { spawn } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { encodeNixBase32 } from "#store";

/** A closure to copy: `paths` store paths of one file each, of `fileBytes`. */
export interface SourceClosure {
  readonly name: string;
  readonly paths: number;
  readonly fileBytes: number;
}

/** Every path refers to so many before it, and to some of the last {@link NEAR}: about as deep as a system's closure. */
const REFERENCES = 3;
const NEAR = 200;
const PIECE_BYTES = 4 * 1024 * 1024;
const EXPORT_MAGIC = 0x4558494e;

/**
 * Makes a closure of random files in the Nix store below `root` by way of `nix-store --import`, which takes thousands
 * of paths with references in a moment.
 * @returns the toplevel, which reaches all of it.
 */
export async function importClosure(
  closure: SourceClosure,
  { root, env }: { readonly root: string; readonly env: NodeJS.ProcessEnv },
): Promise<string> {
  await mkdir(root, { recursive: true });
  const child = spawn("nix-store", ["--import"], {
    env: { ...env, NIX_REMOTE: root },
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  await pipeline(Readable.from(exportOf(closure), { objectMode: false }), child.stdin);
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`nix-store --import of ${closure.name} ended with ${String(code)}`);
  return storePathOf(closure, closure.paths - 1);
}

/** The stream `nix-store --export` would print. */
function* exportOf(closure: SourceClosure): Generator<Buffer> {
  const unreferenced = new Set<number>();
  for (let index = 0; index < closure.paths; index += 1) {
    const references = index === closure.paths - 1 ? [...unreferenced] : referencesOf(index);
    for (const reference of references) unreferenced.delete(reference);
    unreferenced.add(index);
    yield u64(1);
    yield* narOf(closure.fileBytes);
    yield u64(EXPORT_MAGIC);
    yield* words(storePathOf(closure, index));
    yield u64(references.length);
    yield* words(...references.map((reference) => storePathOf(closure, reference)), "");
    yield u64(0);
  }
  yield u64(0);
}

function referencesOf(index: number): number[] {
  const near = Math.min(index, NEAR);
  const picked = Array.from({ length: near === 0 ? 0 : REFERENCES }, (_, nth) => {
    const digest = createHash("sha256").update(`${index}/${nth}`).digest();
    return index - 1 - (digest.readUInt32LE(0) % near);
  });
  return [...new Set(picked)];
}

function* narOf(fileBytes: number): Generator<Buffer> {
  yield* words("nix-archive-1", "(", "type", "regular", "contents");
  yield u64(fileBytes);
  for (let left = fileBytes; left > 0; left -= PIECE_BYTES) {
    yield randomFillSync(Buffer.allocUnsafe(Math.min(left, PIECE_BYTES)));
  }
  yield Buffer.alloc((8 - (fileBytes % 8)) % 8);
  yield* words(")");
}

function storePathOf({ name, paths, fileBytes }: SourceClosure, index: number): string {
  const digest = createHash("sha256").update(`${name}/${paths}/${fileBytes}/${index}`).digest().subarray(0, 20);
  return `/nix/store/${encodeNixBase32(digest)}-${name}-${index}`;
}

function* words(...texts: readonly string[]): Generator<Buffer> {
  for (const text of texts) {
    const bytes = Buffer.from(text);
    yield u64(bytes.length);
    yield Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
  }
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
