import type { Dirent } from "node:fs";
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { messageOf } from "#core";
import { StoreError } from "./errors.ts";
import type { FileTree, TreeFile } from "./file-tree.ts";
import { breathe, sliceIsOver } from "./nar/breathe.ts";

export interface ReadFileTreeOptions {
  /** Whether to take a file, a link or a folder that is not empty; `path` is relative to the root. Default: all. */
  readonly takes?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What lies at a path of this machine, contents left on disk. With `takes`, folders stay only where something in them does.
 * @throws StoreError `store/unreadable`, also for sockets, devices and pipes.
 */
export async function readFileTree(path: string, options: ReadFileTreeOptions = {}): Promise<FileTree> {
  const root = Buffer.from(path).toString("latin1");
  const stat = reading(root, () => lstatSync(bytesOf(root)));
  return (await readObject(root, stat, { ...options, root })) ?? { kind: "directory", entries: new Map() };
}

interface Walk extends ReadFileTreeOptions {
  readonly root: string;
}

type Kind = Pick<Dirent, "isFile" | "isSymbolicLink" | "isDirectory">;

async function readObject(path: string, kind: Kind, walk: Walk): Promise<FileTree | undefined> {
  const { root, takes, signal } = walk;
  if (sliceIsOver()) {
    signal?.throwIfAborted();
    await breathe();
  }
  if (kind.isDirectory()) return readDirectory(path, walk);
  const relative = bytesOf(path.slice(root.length + 1)).toString();
  if (path !== root && takes !== undefined && !takes(relative)) return undefined;
  if (kind.isSymbolicLink()) {
    return { kind: "symlink", target: reading(path, () => readlinkSync(bytesOf(path), "latin1")) };
  }
  if (kind.isFile()) return readFile(path);
  throw unreadable(path, "a store holds files, links and folders only, and it is none of them");
}

function readFile(path: string): TreeFile {
  const { size, mode } = reading(path, () => lstatSync(bytesOf(path)));
  const contents = { path: bytesOf(path), offset: 0, size, whole: true };
  return { kind: "file", executable: (mode & 0o100) !== 0, contents };
}

async function readDirectory(path: string, walk: Walk): Promise<FileTree | undefined> {
  const entries = new Map<string, FileTree>();
  const found = reading(path, () => readdirSync(bytesOf(path), { encoding: "latin1", withFileTypes: true }));
  for (const entry of found) {
    const tree = await readObject(`${path}/${entry.name}`, entry, walk);
    if (tree !== undefined) entries.set(entry.name, tree);
  }
  return entries.size === 0 && walk.takes !== undefined ? undefined : { kind: "directory", entries };
}

function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(path, messageOf(error), error);
  }
}

function unreadable(path: string, why: string, cause?: unknown): StoreError {
  return new StoreError("store/unreadable", `could not read ${bytesOf(path).toString()}: ${why}`, { cause });
}

function bytesOf(path: string): Buffer {
  return Buffer.from(path, "latin1");
}
