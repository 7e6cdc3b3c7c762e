import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import type { NarEvent } from "#store";

/** What a NAR can hold. Names, targets and contents have one character per byte. */
export type Tree =
  | { readonly kind: "file"; readonly contents: string; readonly executable: boolean }
  | { readonly kind: "symlink"; readonly target: string }
  | { readonly kind: "directory"; readonly entries: Readonly<Record<string, Tree>> };

/** Any byte a name can have, with those more often that upset sorting, quoting and decoding. */
const nameByte = fc.oneof(
  fc.constantFrom(..."abAB.-_ \n\\'\"~*$".split("")),
  fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
);

function bytesText(maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: nameByte, minLength: 1, maxLength });
}

const name = bytesText(20).filter((text) => !text.includes("/") && text !== "." && text !== "..");
const size = fc.oneof(fc.nat(40), fc.constantFrom(4_095, 4_096, 131_072, 131_073, 300_001));

export const anyTree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; file: Tree; symlink: Tree; directory: Tree }>(
  (tie) => ({
    tree: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie("file"), tie("symlink"), tie("directory")),
    file: fc.tuple(size, fc.nat(255), fc.boolean()).map(([length, byte, executable]) => ({
      kind: "file",
      contents: String.fromCharCode(byte).repeat(length),
      executable,
    })),
    symlink: bytesText(60).map((target) => ({ kind: "symlink", target })),
    directory: fc
      .dictionary(name, tie("tree"), { maxKeys: 6, noNullPrototype: true })
      .map((entries) => ({ kind: "directory", entries })),
  }),
).tree;

/** Puts a tree on disk. */
export function writeTree(path: string, tree: Tree): void {
  const bytes = Buffer.from(path, "latin1");
  switch (tree.kind) {
    case "file":
      writeFileSync(bytes, tree.contents, "latin1");
      chmodSync(bytes, tree.executable ? 0o755 : 0o644);
      break;
    case "symlink":
      symlinkSync(Buffer.from(tree.target, "latin1"), bytes);
      break;
    case "directory":
      mkdirSync(bytes);
      for (const [name, entry] of Object.entries(tree.entries)) writeTree(`${path}/${name}`, entry);
  }
}

/** The tree that the events of a NAR tell of. */
export async function treeOf(events: AsyncIterable<NarEvent>): Promise<Tree> {
  const all = new Map<string, Tree>();
  let contents: Buffer[] = [];
  let finish = (): void => undefined;
  const put = (path: Buffer, tree: Tree): void => {
    const text = path.toString("latin1");
    all.set(text, tree);
    if (text === "") return;
    const slash = text.lastIndexOf("/");
    const parent = all.get(slash === -1 ? "" : text.slice(0, slash));
    if (parent?.kind !== "directory") throw new Error(`no directory around ${text}`);
    (parent.entries as Record<string, Tree>)[text.slice(slash + 1)] = tree;
  };
  for await (const event of events) {
    if (event.kind === "contents") {
      contents.push(Buffer.from(event.bytes));
      continue;
    }
    finish();
    finish = () => undefined;
    if (event.kind === "directory") put(event.path, { kind: "directory", entries: {} });
    if (event.kind === "symlink") put(event.path, { kind: "symlink", target: event.target.toString("latin1") });
    if (event.kind === "file") {
      const { path, size, executable } = event;
      contents = [];
      finish = () => {
        const bytes = Buffer.concat(contents);
        if (bytes.length !== size) throw new Error(`${bytes.length} bytes instead of ${size}`);
        put(path, { kind: "file", contents: bytes.toString("latin1"), executable });
      };
    }
  }
  finish();
  return all.get("") ?? { kind: "directory", entries: {} };
}
