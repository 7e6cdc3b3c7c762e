import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import type { Header } from "tar-stream";
import { extract } from "tar-stream";
import { messageOf } from "#core";
import { StoreError } from "./errors.ts";
import type { FileTree, TreeFile } from "./file-tree.ts";
import { treeText } from "./file-tree.ts";

export interface ReadTarOptions {
  /** A file to be made for the contents of the archive's files; the tree reads from it, and needs it. */
  readonly scratchFile: string;
  /** How many leading folders to leave out of every name. Default: 0. */
  readonly strip?: number | undefined;
  /** Whether to take a file or link; `path` is relative to the archive's root, after `strip`. Default: all. */
  readonly takes?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a tar archive holds, plain or gzipped. Nothing of it is unpacked under its own name, so no name in it can lead
 * anywhere. An entry that comes twice is the later one, as tar has it.
 * @throws StoreError `store/unreadable`; `store/tar` for what is no archive, or holds what a store cannot.
 */
export async function readTar(archive: string, options: ReadTarOptions): Promise<FileTree> {
  const { scratchFile, signal } = options;
  const gzipped = await isGzipped(archive);
  const scratch = await open(scratchFile, "wx", 0o600);
  try {
    const source = createReadStream(archive, { highWaterMark: 1024 * 1024, signal });
    const input = gzipped ? source.pipe(createGunzip()) : source;
    source.on("error", (error) => input.destroy(error));
    const entries = extract();
    const fed = feed(input, entries).catch((error: unknown) => {
      entries.destroy(error instanceof Error ? error : new Error(messageOf(error)));
    });
    const tree = new TarTree(archive, options);
    let end = 0;
    for await (const entry of entries) {
      const size = entry.header.type === "file" ? entry.header.size : 0;
      tree.add(entry.header, { path: scratchFile, offset: end, size, whole: false });
      end += await copy(entry, scratch, end);
    }
    await fed;
    return tree.root;
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof StoreError ? error : refused(archive, messageOf(error), error);
  } finally {
    await scratch.close();
  }
}

interface Folder {
  readonly kind: "directory";
  readonly entries: Map<string, Folder | FileTree>;
}

/** The tree an archive's entries make together. */
class TarTree {
  readonly root: Folder = { kind: "directory", entries: new Map() };
  readonly #archive: string;
  readonly #options: ReadTarOptions;

  constructor(archive: string, options: ReadTarOptions) {
    this.#archive = archive;
    this.#options = options;
  }

  add(header: Header, contents: Exclude<TreeFile["contents"], Uint8Array>): void {
    const { takes = () => true } = this.#options;
    const names = this.#namesOf(header.name);
    if (names.length === 0) return;
    if (header.type === "directory") {
      if (this.#options.takes === undefined) this.#folder(names);
      return;
    }
    if (!takes(names.join("/"))) return;
    const entries = this.#folder(names.slice(0, -1)).entries;
    entries.set(treeText(names.at(-1) ?? ""), this.#object(header, contents));
  }

  #object(header: Header, contents: Exclude<TreeFile["contents"], Uint8Array>): FileTree {
    switch (header.type) {
      case "file":
      case "contiguous-file":
        return { kind: "file", executable: (header.mode & 0o100) !== 0, contents };
      case "symlink":
        return { kind: "symlink", target: treeText(header.linkname) };
      case "link": {
        const names = this.#namesOf(header.linkname);
        const linked = this.#folder(names.slice(0, -1)).entries.get(treeText(names.at(-1) ?? ""));
        if (linked?.kind === "file") return linked;
        throw refused(this.#archive, `${header.name} is a hard link to ${header.linkname}, which is not in it`);
      }
      default:
        throw refused(this.#archive, `${header.name} is a ${header.type}; a store holds files, links and folders only`);
    }
  }

  #namesOf(path: string): readonly string[] {
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    if (names.includes("..") || path.includes("\0"))
      throw refused(this.#archive, `it has an entry named ${JSON.stringify(path)}`);
    return names.slice(this.#options.strip ?? 0);
  }

  #folder(names: readonly string[]): Folder {
    let folder = this.root;
    for (const name of names.map(treeText)) {
      const found = folder.entries.get(name);
      const next: Folder = found?.kind === "directory" ? (found as Folder) : { kind: "directory", entries: new Map() };
      folder.entries.set(name, next);
      folder = next;
    }
    return folder;
  }
}

async function isGzipped(archive: string): Promise<boolean> {
  try {
    const file = await open(archive, "r");
    try {
      const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return buffer[0] === 0x1f && buffer[1] === 0x8b;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new StoreError("store/unreadable", `could not read ${archive}: ${messageOf(error)}`, { cause: error });
  }
}

async function feed(input: AsyncIterable<Buffer>, entries: ReturnType<typeof extract>): Promise<void> {
  for await (const chunk of input) {
    if (entries.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        entries.off("drain", goOn).off("close", goOn);
        resolve();
      };
      entries.once("drain", goOn).once("close", goOn);
    });
  }
  entries.end(undefined);
}

async function copy(entry: AsyncIterable<unknown>, scratch: FileHandle, offset: number): Promise<number> {
  let copied = 0;
  for await (const chunk of entry) {
    const bytes = chunk as Buffer;
    await scratch.write(bytes, 0, bytes.length, offset + copied);
    copied += bytes.length;
  }
  return copied;
}

function refused(archive: string, why: string, cause?: unknown): StoreError {
  return new StoreError("store/tar", `could not read ${archive} as a tar archive: ${why}`, {
    cause,
    hint: "archives may be plain or gzipped tar; repack others",
  });
}
