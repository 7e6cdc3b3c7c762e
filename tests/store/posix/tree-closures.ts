import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Closure, NarSource, PathInfo, StorePath } from "#store";
import { dumpNar, makeClosure, narHashOf, sharedNarSource } from "#store";
import { storePath } from "../closures.ts";
import type { Tree } from "../trees.ts";
import { writeTree } from "../trees.ts";

export interface TreeSpec {
  readonly name: string;
  readonly tree: Tree;
  readonly references?: readonly string[];
}

/** Trees on disk as store paths whose infos are right but for their made-up digests. */
export interface TreeClosure extends Disposable {
  /** Its toplevel is the last tree. */
  readonly closure: Closure;
  readonly narSource: NarSource;
  readonly locate: (path: StorePath) => string;
}

export async function openTreeClosure(specs: readonly TreeSpec[]): Promise<TreeClosure> {
  const folder = mkdtempSync(join(tmpdir(), "skep-trees-"));
  const locate = (path: StorePath): string => join(folder, path.slice("/nix/store/".length));
  const infos: PathInfo[] = [];
  for (const { name, tree, references = [] } of specs) {
    const path = storePath(name);
    writeTree(locate(path), tree);
    infos.push({ path, ...(await hashNar(locate(path))), references: references.map(storePath), signatures: [] });
  }
  return {
    closure: makeClosure(storePath(specs.at(-1)?.name ?? ""), infos),
    narSource: sharedNarSource({ locate }),
    locate,
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function hashNar(path: string): Promise<Pick<PathInfo, "narHash" | "narSize">> {
  const hash = createHash("sha256");
  let narSize = 0;
  for await (const chunk of dumpNar(path)) {
    hash.update(chunk);
    narSize += chunk.length;
  }
  return { narHash: narHashOf(hash.digest()), narSize };
}

/** A file of text. */
export function text(contents: string, { executable = false } = {}): Tree {
  return { kind: "file", contents, executable };
}

export function folder(entries: Readonly<Record<string, Tree>>): Tree {
  return { kind: "directory", entries };
}

export function link(target: string): Tree {
  return { kind: "symlink", target };
}

/** Names and targets that upset sorting, quoting, decoding and tar. */
export const ODD: Tree = folder({
  "-rf": text("a leading dash"),
  " blank ": text(""),
  "new\nline": text("a newline", { executable: true }),
  "\\x5c": text("a backslash"),
  "\xc3\xa9t\xc3\xa9": text("UTF-8"),
  "\xff\xfe": text("no UTF-8"),
  ["n".repeat(255)]: folder({ ["m".repeat(255)]: text("long", { executable: true }), l: link("t".repeat(4_000)) }),
  ".-": text("sorts before ..a"),
  ".0": text("sorts after it"),
  "+": text("sorts before all dots"),
  "..a": folder({ ".hidden": link("../-rf"), empty: folder({}) }),
  dangling: link("/nowhere/at all"),
  "*": link("\xff\n"),
});
