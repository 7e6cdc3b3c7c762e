import { ByteReader } from "../byte-reader.ts";
import { StoreError } from "../errors.ts";
import { paddingOf, readU64 } from "../wire.ts";
import { MAX_NAME_BYTES, MAX_TARGET_BYTES, NAR_MAGIC } from "./grammar.ts";

/**
 * One step through a NAR. `path` is relative to the object the NAR holds, as bytes, empty for the object itself.
 * A `file` is followed by `contents` events that make up its `size` bytes together.
 */
export type NarEvent =
  | { readonly kind: "directory"; readonly path: Buffer }
  | { readonly kind: "directory-end"; readonly path: Buffer }
  | { readonly kind: "symlink"; readonly path: Buffer; readonly target: Buffer }
  | { readonly kind: "file"; readonly path: Buffer; readonly size: number; readonly executable: boolean }
  | { readonly kind: "contents"; readonly bytes: Buffer };

export interface ParseNarOptions {
  /** How deep directories may lie in each other; default 1,024. */
  readonly maxDepth?: number | undefined;
}

/**
 * Reads a NAR as it streams in, holding no more of it than the chunk at hand. Only the one canonical form is taken.
 * @throws StoreError `store/nar` at the first byte that is out of place, at a limit, when the stream ends early, and
 * when it goes on after the end.
 */
export async function* parseNar(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { maxDepth = 1024 }: ParseNarOptions = {},
): AsyncGenerator<NarEvent, void, undefined> {
  const input = new NarInput(chunks);
  const open: OpenDirectory[] = [];
  let path: Buffer = NOTHING;
  await input.expect(NAR_MAGIC);
  for (;;) {
    const directory: boolean = yield* parseObject(input, path);
    if (directory) {
      if (open.length === maxDepth) throw malformed(`directories lie more than ${maxDepth} deep in each other`);
      open.push({ path, last: undefined });
    }
    const next: Buffer | undefined = yield* parseToNextEntry(input, open, directory);
    if (next === undefined) break;
    path = next;
  }
  await input.expectEnd();
}

interface OpenDirectory {
  readonly path: Buffer;
  /** The name of the entry before. */
  last: Buffer | undefined;
}

const NOTHING = Buffer.alloc(0);
const SLASH = Buffer.from("/");
const DOTS = ["", ".", ".."];
const MAX_WORD_BYTES = 16;

/** Reads an object, or only the beginning of a directory: true says so. */
async function* parseObject(input: NarInput, path: Buffer): AsyncGenerator<NarEvent, boolean, undefined> {
  await input.expect("(");
  await input.expect("type");
  const type = await input.word();
  switch (type) {
    case "directory":
      yield { kind: "directory", path };
      return true;
    case "symlink": {
      await input.expect("target");
      const target = await input.string("a symlink's target", MAX_TARGET_BYTES);
      if (target.length === 0 || target.includes(0)) throw malformed("a symlink's target is empty or has a zero byte");
      yield { kind: "symlink", path, target };
      break;
    }
    case "regular": {
      let word = await input.word();
      const executable = word === "executable";
      if (executable) {
        await input.expect("");
        word = await input.word();
      }
      if (word !== "contents") throw unexpected(word, "contents");
      const size = await input.number();
      yield { kind: "file", path, size, executable };
      yield* parseContents(input, size);
      break;
    }
    default:
      throw unexpected(type, "regular, symlink or directory");
  }
  await input.expect(")");
  return false;
}

async function* parseContents(input: NarInput, size: number): AsyncGenerator<NarEvent, void, undefined> {
  for (let left = size; left > 0;) {
    const bytes = await input.some(left);
    left -= bytes.length;
    yield { kind: "contents", bytes };
  }
  await input.padding(size);
}

/** Closes what is complete and gives the path of the next entry, or undefined after the last. */
async function* parseToNextEntry(
  input: NarInput,
  open: OpenDirectory[],
  atBeginning: boolean,
): AsyncGenerator<NarEvent, Buffer | undefined, undefined> {
  let inEntry = !atBeginning;
  for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
    if (inEntry) await input.expect(")");
    inEntry = true;
    const word = await input.word();
    if (word === "entry") return parseEntryName(input, folder);
    if (word !== ")") throw unexpected(word, "entry or )");
    open.pop();
    yield { kind: "directory-end", path: folder.path };
  }
  return undefined;
}

async function parseEntryName(input: NarInput, folder: OpenDirectory): Promise<Buffer> {
  await input.expect("(");
  await input.expect("name");
  const name = Buffer.from(await input.string("an entry's name", MAX_NAME_BYTES));
  const shown = JSON.stringify(name.toString());
  if (DOTS.includes(name.toString("latin1")) || name.includes(SLASH) || name.includes(0)) {
    throw malformed(`${shown} cannot be the name of an entry`);
  }
  if (folder.last !== undefined && Buffer.compare(folder.last, name) >= 0) {
    throw malformed(`entry ${shown} is not sorted after ${JSON.stringify(folder.last.toString())}`);
  }
  folder.last = name;
  await input.expect("node");
  return folder.path.length === 0 ? name : Buffer.concat([folder.path, SLASH, name]);
}

/** The words and numbers of a NAR, each taken without waiting where it has come already. */
class NarInput {
  readonly #bytes: ByteReader;

  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
    this.#bytes = new ByteReader(async () => {
      const next: IteratorResult<Uint8Array, unknown> = await iterator.next();
      return next.done === true ? undefined : next.value;
    });
  }

  async expect(word: string): Promise<void> {
    const found = await this.word();
    if (found !== word) throw unexpected(found, word === "" ? "an empty string" : word);
  }

  async word(): Promise<string> {
    return (await this.string("a word of the grammar", MAX_WORD_BYTES)).toString("latin1");
  }

  async string(what: string, maxBytes: number): Promise<Buffer> {
    const length = await this.number();
    if (length > maxBytes) throw malformed(`${what} has ${length} bytes, more than ${maxBytes}`);
    const bytes = await this.#take(length);
    await this.padding(length);
    return bytes;
  }

  async number(): Promise<number> {
    const value = readU64(await this.#take(8));
    if (value === undefined) throw malformed("a length is past 2^53");
    return value;
  }

  async padding(length: number): Promise<void> {
    const bytes = await this.#take(paddingOf(length));
    if (bytes.some((byte) => byte !== 0)) throw malformed("padding is not zero");
  }

  async some(maxBytes: number): Promise<Buffer> {
    return (await this.#bytes.some(maxBytes)) ?? endedEarly();
  }

  async expectEnd(): Promise<void> {
    if ((await this.#bytes.some(1)) !== undefined) throw malformed("bytes follow its end");
  }

  async #take(count: number): Promise<Buffer> {
    return this.#bytes.take(count) ?? (await this.#bytes.read(count)) ?? endedEarly();
  }
}

function endedEarly(): never {
  throw malformed("it ends early");
}

function unexpected(found: string, wanted: string): StoreError {
  return malformed(`expected ${wanted}, found ${JSON.stringify(found)}`);
}

function malformed(why: string): StoreError {
  return new StoreError("store/nar", `could not read a NAR: ${why}`);
}
