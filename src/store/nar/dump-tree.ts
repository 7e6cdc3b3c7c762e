import { closeSync, constants, fstatSync, openSync, read, readSync } from "node:fs";
import { promisify } from "node:util";
import { messageOf } from "#core";
import { StoreError } from "../errors.ts";
import type { DiskBytes, FileTree } from "../file-tree.ts";
import { encodedLength, paddingOf, writeString, writeU64 } from "../wire.ts";
import { breathe, sliceIsOver } from "./breathe.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import type { DumpNarOptions } from "./dump-nar.ts";
import { BEGIN, CLOSE, CLOSE_BOTH, DIRECTORY, ENTRY, EXECUTABLE, NODE, REGULAR, SYMLINK } from "./words.ts";

/**
 * The NAR of a tree, in chunks that belong to whoever takes them. What lies on disk is read as it is wanted, a chunk
 * at a time, whatever the size of a file.
 * @throws StoreError `store/unreadable`; `store/changed` when a file on disk no longer has the size it had.
 */
export async function* dumpTree(tree: FileTree, options: DumpNarOptions = {}): AsyncGenerator<Buffer, void, undefined> {
  const { signal, chunkBytes = 1024 * 1024, pool, from = 0 } = options;
  const out = new ChunkWriter(() => pool?.take(chunkBytes) ?? Buffer.allocUnsafeSlow(chunkBytes), from);
  for (const piece of walk(tree)) {
    if (Buffer.isBuffer(piece)) out.append(piece);
    else yield* readFromDisk(piece, out, signal);
    for (let full = out.shift(); full !== undefined; full = out.shift()) yield full;
    if (sliceIsOver()) {
      signal?.throwIfAborted();
      await breathe();
    }
  }
  const last = out.last();
  if (last !== undefined) yield last;
}

/** The NAR of a tree that lies in memory as a whole. */
export function encodeTree(tree: FileTree): Buffer {
  const pieces: Buffer[] = [];
  for (const piece of walk(tree)) {
    if (!Buffer.isBuffer(piece)) throw new TypeError("a tree with files on disk is not in memory as a whole");
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function* walk(tree: FileTree): Generator<Buffer | DiskBytes, void, undefined> {
  yield BEGIN;
  yield* walkObject(tree, CLOSE);
}

function* walkObject(tree: FileTree, end: Buffer): Generator<Buffer | DiskBytes, void, undefined> {
  switch (tree.kind) {
    case "file": {
      const { contents, executable } = tree;
      const isHere = contents instanceof Uint8Array;
      const size = isHere ? contents.length : contents.size;
      yield executable ? EXECUTABLE : REGULAR;
      const length = Buffer.alloc(8);
      writeU64(length, size, 0);
      yield length;
      yield isHere ? Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength) : contents;
      yield Buffer.alloc(paddingOf(size));
      break;
    }
    case "symlink":
      yield SYMLINK;
      yield encodeString(tree.target);
      break;
    case "directory": {
      yield DIRECTORY;
      const names = [...tree.entries.keys()].sort((a, b) => (a < b ? -1 : 1));
      for (const name of names) {
        const entry = tree.entries.get(name);
        if (entry === undefined) continue;
        yield ENTRY;
        yield encodeString(name);
        yield NODE;
        yield* walkObject(entry, CLOSE_BOTH);
      }
    }
  }
  yield end;
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.alloc(encodedLength(text.length));
  writeString(bytes, text, { offset: 0, encoding: "latin1" });
  return bytes;
}

/** Above this a file is read by a thread; below, asking one costs more than the reading. */
const SMALL_BYTES = 128 * 1024;
const readFile = promisify(read);

async function* readFromDisk(
  bytes: DiskBytes,
  out: ChunkWriter,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const { path, offset, size } = bytes;
  let at = out.skip(size);
  if (at === size && size > 0) return;
  const file = reading(path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const found = reading(path, () => fstatSync(file)).size;
    if (bytes.whole ? found !== size : found < offset + size) throw changed(path);
    while (at < size) {
      signal?.throwIfAborted();
      const { free } = out;
      const count = Math.min(free.length, size - at);
      const got =
        size <= SMALL_BYTES
          ? reading(path, () => readSync(file, free, 0, count, offset + at))
          : await readFile(file, free, 0, count, offset + at).then(
              ({ bytesRead }) => bytesRead,
              (error: unknown) => {
                throw unreadable(path, error);
              },
            );
      if (got === 0) throw changed(path);
      out.advance(got);
      at += got;
      const full = out.shift();
      if (full !== undefined) yield full;
    }
  } finally {
    closeSync(file);
  }
}

function reading<T>(path: string | Buffer, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string | Buffer, cause: unknown): StoreError {
  return new StoreError("store/unreadable", `could not read ${path.toString()}: ${messageOf(cause)}`, { cause });
}

function changed(path: string | Buffer): StoreError {
  return new StoreError("store/changed", `${path.toString()} changed after its system was evaluated`, {
    hint: "let the build that writes it end, then deploy again",
  });
}
