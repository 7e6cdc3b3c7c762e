import type { Dirent } from "node:fs";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  read,
  readdirSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { promisify } from "node:util";
import { messageOf } from "#core";
import type { ChunkPool } from "../chunk-pool.ts";
import { StoreError } from "../errors.ts";
import { encodedLength, paddingOf, writeString, writeU64 } from "../wire.ts";
import { breathe, sliceIsOver } from "./breathe.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { MAX_NAME_BYTES, MAX_TARGET_BYTES } from "./grammar.ts";
import { BEGIN, CLOSE, CLOSE_BOTH, DIRECTORY, ENTRY, EXECUTABLE, NODE, REGULAR, SYMLINK } from "./words.ts";

export interface DumpNarOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of every chunk but the last; default 1 MiB. */
  readonly chunkBytes?: number | undefined;
  /** Where chunks come from, for callers that give them back. Default: fresh memory. */
  readonly pool?: ChunkPool | undefined;
  /** Leaves out that many bytes at the beginning, and does not read the files that lie in them. */
  readonly from?: number | undefined;
}

/**
 * The NAR of a file, symlink or directory, byte for byte what `nix-store --dump` prints, in chunks that belong to
 * whoever takes them. Holds at most three chunks at a time, whatever the size of a file.
 *
 * Small files are read without waiting, which is several times faster than asking a thread for each, and the event
 * loop gets its turn every few milliseconds; large ones are read by a thread, one chunk ahead.
 * @throws StoreError `store/unreadable`, also for sockets, devices and pipes, and for a file that shrinks meanwhile.
 */
export async function* dumpNar(path: string, options: DumpNarOptions = {}): AsyncGenerator<Buffer, void, undefined> {
  const { signal, chunkBytes = 1024 * 1024, pool, from = 0 } = options;
  const out = new ChunkWriter(() => pool?.take(chunkBytes) ?? Buffer.allocUnsafeSlow(chunkBytes), from);
  const walk = new Walk(path, out);
  for (let step = walk.begin(); step !== "done"; step = walk.step()) {
    if (step !== "more") {
      for (let full = out.shift(); full !== undefined; full = out.shift()) yield full;
      yield* readLargeFile(step, out, signal);
    }
    for (let full = out.shift(); full !== undefined; full = out.shift()) yield full;
    if (sliceIsOver()) {
      signal?.throwIfAborted();
      await breathe();
    }
  }
  for (let full = out.shift(); full !== undefined; full = out.shift()) yield full;
  const last = out.last();
  if (last !== undefined) yield last;
}

const SMALL_FILE_BYTES = 128 * 1024;
/** Room for the longest entry: its words, a name, and a target. */
const SCRATCH_BYTES = 1024 + MAX_NAME_BYTES + MAX_TARGET_BYTES;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const ZEROS = Buffer.alloc(8);

type Kind = "regular" | "symlink" | "directory";

interface Folder {
  /** As one character per byte ("latin1"), the form all paths and names have here: names need not be UTF-8. */
  readonly path: string;
  readonly entries: readonly Dirent[];
  next: number;
}

interface LargeFile {
  readonly path: string;
  readonly file: number;
  readonly size: number;
  /** How much of it lies before the first byte wanted. */
  readonly position: number;
  /** Words to write once it was read. */
  readonly end: Buffer;
}

type Step = "more" | "done" | LargeFile;

/** Goes through the tree one object at a time, never waiting. */
class Walk {
  readonly #root: string;
  readonly #out: ChunkWriter;
  readonly #folders: Folder[] = [];
  readonly #scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  #length = 0;

  constructor(root: string, out: ChunkWriter) {
    this.#root = Buffer.from(root).toString("latin1");
    this.#out = out;
  }

  begin(): Step {
    this.#words(BEGIN);
    const stat = reading(this.#root, () => lstatSync(bytesOf(this.#root)));
    return this.#object(this.#root, kindOf(this.#root, stat), CLOSE);
  }

  step(): Step {
    const folder = this.#folders.at(-1);
    if (folder === undefined) return "done";
    const entry = folder.entries[folder.next];
    folder.next += 1;
    if (entry === undefined) {
      this.#folders.pop();
      this.#words(CLOSE);
      if (this.#folders.length > 0) this.#words(CLOSE);
      this.#flush();
      return "more";
    }
    this.#words(ENTRY);
    this.#string(entry.name);
    this.#words(NODE);
    const path = `${folder.path}/${entry.name}`;
    return this.#object(path, kindOf(path, entry), CLOSE_BOTH);
  }

  #object(path: string, kind: Kind, end: Buffer): Step {
    switch (kind) {
      case "regular":
        return this.#regular(path, end);
      case "symlink":
        this.#words(SYMLINK);
        this.#string(reading(path, () => readlinkSync(bytesOf(path), "latin1")));
        this.#words(end);
        break;
      case "directory": {
        this.#words(DIRECTORY);
        const entries = reading(path, () => readdirSync(bytesOf(path), { encoding: "latin1", withFileTypes: true }));
        // Node happens to sort already, but does not promise it.
        entries.sort((a, b) => (a.name < b.name ? -1 : 1));
        this.#folders.push({ path, entries, next: 0 });
      }
    }
    this.#flush();
    return "more";
  }

  #regular(path: string, end: Buffer): Step {
    const file = reading(path, () => openSync(bytesOf(path), OPEN_FLAGS));
    let handedOver = false;
    try {
      const stat = reading(path, () => fstatSync(file));
      if (!stat.isFile()) throw unreadable(path, "it changed from a file to something else meanwhile");
      this.#words((stat.mode & 0o100) === 0 ? REGULAR : EXECUTABLE);
      this.#length = writeU64(this.#scratch, stat.size, this.#length);
      this.#flush();
      const position = this.#out.skip(stat.size);
      if (stat.size - position > SMALL_FILE_BYTES) {
        handedOver = true;
        return { path, file, size: stat.size, position, end: endOf(stat.size, end) };
      }
      this.#content(path, file, { position, size: stat.size });
      this.#out.append(endOf(stat.size, end));
      return "more";
    } finally {
      if (!handedOver) closeSync(file);
    }
  }

  #content(path: string, file: number, { position, size }: { readonly position: number; readonly size: number }): void {
    let at = position;
    while (at < size) {
      const { free } = this.#out;
      const from = at;
      const count = reading(path, () => readSync(file, free, 0, Math.min(free.length, size - from), from));
      if (count === 0) throw shrunk(path);
      this.#out.advance(count);
      at += count;
    }
  }

  #words(words: Buffer): void {
    this.#length += words.copy(this.#scratch, this.#length);
  }

  #string(text: string): void {
    if (encodedLength(text.length) > SCRATCH_BYTES - this.#length) throw unreadable(text, "its name is too long");
    this.#length = writeString(this.#scratch, text, { offset: this.#length, encoding: "latin1" });
  }

  #flush(): void {
    this.#out.append(this.#scratch.subarray(0, this.#length));
    this.#length = 0;
  }
}

const readFile = promisify(read);

async function* readLargeFile(
  { path, file, size, position, end }: LargeFile,
  out: ChunkWriter,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let at = position;
  const readOn = (): Promise<number> => {
    const { free } = out;
    const work = readFile(file, free, 0, Math.min(free.length, size - at), at).then(({ bytesRead }) => bytesRead);
    work.catch(() => undefined);
    return work;
  };
  let pending = readOn();
  try {
    while (at < size) {
      signal?.throwIfAborted();
      const count = await pending.catch((error: unknown) => {
        throw unreadable(path, messageOf(error), error);
      });
      if (count === 0) throw shrunk(path);
      out.advance(count);
      at += count;
      if (at < size) pending = readOn();
      const full = out.shift();
      if (full !== undefined) yield full;
    }
  } finally {
    await pending.catch(() => undefined);
    closeSync(file);
  }
  out.append(end);
}

function endOf(size: number, end: Buffer): Buffer {
  const padding = paddingOf(size);
  return padding === 0 ? end : Buffer.concat([ZEROS.subarray(0, padding), end]);
}

function kindOf(path: string, entry: Pick<Dirent, "isFile" | "isSymbolicLink" | "isDirectory">): Kind {
  if (entry.isFile()) return "regular";
  if (entry.isSymbolicLink()) return "symlink";
  if (entry.isDirectory()) return "directory";
  throw unreadable(path, "a NAR holds files, symlinks and directories only, and it is none of them");
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(path, messageOf(error), error);
  }
}

function shrunk(path: string): StoreError {
  return unreadable(path, "it became shorter while it was read");
}

function unreadable(path: string, why: string, cause?: unknown): StoreError {
  return new StoreError("store/unreadable", `could not read ${bytesOf(path).toString()}: ${why}`, { cause });
}

function bytesOf(path: string): Buffer {
  return Buffer.from(path, "latin1");
}
