import { createHash } from "node:crypto";
import { StoreError } from "../errors.ts";
import { parseNar } from "../nar/parse-nar.ts";
import type { NarEvent } from "../nar/parse-nar.ts";
import { narHashOf } from "../nar-hash.ts";
import type { NarChunk, NarReader } from "../nar-source.ts";
import type { PathInfo } from "../path-info.ts";
import type { WireWriter } from "../serve/wire-writer.ts";
import { baseOf, formatInfoFile } from "./info-file.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar-header.ts";
import type { TarEntry } from "./tar-header.ts";

export interface SendPathsOptions {
  readonly nars: NarReader;
  readonly onSent: (bytes: number) => void;
  /** Waits until the other side has taken enough of what was written. */
  readonly room: () => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Writes one tar archive for the add script:
 *
 *     p/<base>…       the store objects, folders writable so that any user can unpack into them
 *     i/<base>        their info files
 *     order           the bases, references first
 *     outside         references that are not among them
 *     complete        last: what the host must have found in p when all is unpacked
 *
 * NARs become tar entries as they stream by; no more is held than the chunks under way.
 * @throws StoreError `store/changed` when a NAR is not the one its info tells of; as the reader and `parseNar` do.
 */
export async function sendPaths(
  infos: readonly PathInfo[],
  out: WireWriter,
  { nars, onSent, room, signal }: SendPathsOptions,
): Promise<void> {
  const contents = new Contents();
  for (const info of infos) {
    signal.throwIfAborted();
    const nar = new HashedNar(nars.read(info, { signal }), onSent);
    const name = Buffer.from(`p/${baseOf(info.path)}`);
    let padding: Buffer = NOTHING;
    for await (const event of parseNar(nar.chunks())) {
      if (event.kind === "contents") {
        out.bytes(event.bytes, nar.keep());
        if (out.isFull) await room();
        continue;
      }
      out.bytes(padding);
      padding = event.kind === "file" ? tarPadding(event.size) : NOTHING;
      const entry = tarEntryOf(event, name);
      if (entry === undefined) continue;
      contents.count(entry);
      out.bytes(tarHeader(entry));
    }
    out.bytes(padding);
    nar.expect(info);
    writeFile(out, `i/${baseOf(info.path)}`, formatInfoFile(info));
    if (out.isFull) await room();
  }
  writeFile(out, "order", linesOf(infos.map(({ path }) => baseOf(path))));
  writeFile(out, "outside", linesOf(outsideOf(infos)));
  signal.throwIfAborted();
  writeFile(out, "complete", contents.describe());
  out.bytes(TAR_END);
  out.flush();
}

const NOTHING = Buffer.alloc(0);
const SLASH = Buffer.from("/");
const UNPACKING_MODE = 0o755;

/** A NAR that is hashed while it is read, and whose chunks are given back when neither parser nor stream needs them. */
class HashedNar {
  readonly #source: AsyncIterable<NarChunk>;
  readonly #onSent: (bytes: number) => void;
  readonly #hash = createHash("sha256");
  #size = 0;
  #keep: () => () => void = () => () => undefined;

  constructor(source: AsyncIterable<NarChunk>, onSent: (bytes: number) => void) {
    this.#source = source;
    this.#onSent = onSent;
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#source) {
      this.#hash.update(chunk.bytes);
      this.#size += chunk.bytes.length;
      this.#onSent(chunk.bytes.length);
      const use = shared(chunk);
      this.#keep = use;
      const release = use();
      try {
        yield chunk.bytes;
      } finally {
        release();
      }
    }
  }

  /** Keeps the chunk at hand from being given back until the function returned is called. */
  keep(): () => void {
    return this.#keep();
  }

  expect({ path, narHash, narSize }: PathInfo): void {
    if (this.#size === narSize && narHashOf(this.#hash.digest()) === narHash) return;
    throw new StoreError("store/changed", `copying ${path} failed: its files are not those it was registered with`, {
      hint: "the path changed on the operator's disk; with Nix, nix-store --verify --check-contents --repair mends it",
    });
  }
}

/** Counts who uses a chunk: each call is one use, ended by the function it returns; after the last one it is released. */
function shared(chunk: NarChunk): () => () => void {
  let users = 0;
  return () => {
    users += 1;
    return () => {
      users -= 1;
      if (users === 0) chunk.release();
    };
  };
}

/** What the unpacked objects must amount to, in the words of the add script. */
class Contents {
  #plain = 0;
  #executable = 0;
  /** The folder they lie in counts too. */
  #directories = 1;
  #symlinks = 0;
  #bytes = 0;

  count({ type, mode, size = 0, target }: TarEntry): void {
    if (type === "directory") this.#directories += 1;
    else if (type === "symlink") this.#symlinks += 1;
    else if (mode === 0o555) this.#executable += 1;
    else this.#plain += 1;
    this.#bytes += size + (target?.length ?? 0);
  }

  describe(): string {
    return `${this.#plain} ${this.#executable} ${this.#directories} ${this.#symlinks} 0 ${this.#bytes}\n`;
  }
}

function tarEntryOf(event: Exclude<NarEvent, { kind: "contents" }>, base: Buffer): TarEntry | undefined {
  if (event.kind === "directory-end") return undefined;
  const name = event.path.length === 0 ? base : Buffer.concat([base, SLASH, event.path]);
  switch (event.kind) {
    case "directory":
      return { type: "directory", name, mode: UNPACKING_MODE };
    case "symlink":
      return { type: "symlink", name, mode: 0o777, target: event.target };
    case "file":
      return { type: "file", name, mode: event.executable ? 0o555 : 0o444, size: event.size };
  }
}

function writeFile(out: WireWriter, name: string, text: string): void {
  const bytes = Buffer.from(text);
  out.bytes(tarHeader({ type: "file", name: Buffer.from(name), mode: 0o444, size: bytes.length }));
  out.bytes(bytes);
  out.bytes(tarPadding(bytes.length));
}

function linesOf(words: Iterable<string>): string {
  return Array.from(words, (word) => `${word}\n`).join("");
}

function outsideOf(infos: readonly PathInfo[]): Set<string> {
  const inside = new Set(infos.map(({ path }) => path));
  const outside = new Set<string>();
  for (const { references } of infos) {
    for (const reference of references) if (!inside.has(reference)) outside.add(baseOf(reference));
  }
  return outside;
}
