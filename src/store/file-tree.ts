/**
 * A file-system object as a store holds it: what a NAR can say and no more. Names and targets have one character per
 * byte ("latin1"), as they need not be UTF-8; {@link treeText} gives that form.
 */
export type FileTree = TreeFile | TreeSymlink | TreeDirectory;

export interface TreeFile {
  readonly kind: "file";
  readonly executable: boolean;
  readonly contents: Uint8Array | DiskBytes;
}

export interface TreeSymlink {
  readonly kind: "symlink";
  readonly target: string;
}

export interface TreeDirectory {
  readonly kind: "directory";
  readonly entries: ReadonlyMap<string, FileTree>;
}

/** Bytes left on disk until they are wanted: a whole file, or a part of one that holds many. */
export interface DiskBytes {
  readonly path: string | Buffer;
  readonly offset: number;
  readonly size: number;
  /** Whether the file must be just that long: `false` for a part of one. */
  readonly whole: boolean;
}

/** Text of the program as a name or target of a tree. */
export function treeText(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** A directory with these entries, their names being text of the program. */
export function treeDirectory(entries: Iterable<readonly [name: string, tree: FileTree]>): TreeDirectory {
  return { kind: "directory", entries: new Map([...entries].map(([name, tree]) => [treeText(name), tree])) };
}

/** A file that holds this text, or these bytes. */
export function treeFile(
  contents: string | Uint8Array,
  { executable = false }: { readonly executable?: boolean } = {},
): TreeFile {
  return { kind: "file", executable, contents: typeof contents === "string" ? Buffer.from(contents) : contents };
}

/** A symbolic link, its target being text of the program. */
export function treeSymlink(target: string): TreeSymlink {
  return { kind: "symlink", target: treeText(target) };
}

/** The object at a path below a tree (`bin/tool`), links not followed; undefined when there is none. */
export function lookUpInTree(tree: FileTree, path: string): FileTree | undefined {
  let at: FileTree | undefined = tree;
  for (const name of path.split("/")) {
    if (name === "") continue;
    at = at?.kind === "directory" ? at.entries.get(treeText(name)) : undefined;
  }
  return at;
}
