import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { didYouMean, errnoOf, messageOf } from "#core";
import type { Package, Scope, TextPackage } from "#hive";
import type { Closure, FileTree, StorePath } from "#store";
import { parseStorePath, readFileTree, readTar, treeDirectory, treeFile } from "#store";
import { NativeError } from "./errors.ts";
import type { Evaluation } from "./evaluation.ts";
import { pathFilter } from "./path-filter.ts";
import { isText, renderTemplate } from "./render-template.ts";

export interface MakePackagesOptions {
  readonly packages: Readonly<Record<string, Package>>;
  readonly readNixClosure: (
    path: StorePath,
    options: { readonly signal?: AbortSignal | undefined },
  ) => Promise<Closure>;
  /** The path of a new file for the contents of an archive. */
  readonly scratchFile: () => Promise<string>;
}

/**
 * Adds all packages of a system to its evaluation: those of Nix first, as files may mention them, then files, then
 * texts, each when the first template asks for it.
 * @returns what templates may speak of.
 * @throws NativeError `native/package`, `native/unknown-package`, `native/circular`, `native/template`; StoreError.
 */
export async function makePackages(evaluation: Evaluation, options: MakePackagesOptions): Promise<Scope> {
  const { packages, readNixClosure } = options;
  const { signal } = evaluation;
  const made = new Map<string, StorePath>();
  for (const [name, one] of Object.entries(packages)) {
    if (one.kind !== "store-path") continue;
    made.set(name, evaluation.addClosure(await readNixClosure(parseStorePath(one.storePath), { signal })));
  }
  for (const [name, one] of Object.entries(packages)) {
    if (one.kind === "store-path" || one.kind === "text") continue;
    const read = () => readPackage(name, one, { ...options, evaluation });
    made.set(name, await evaluation.addFiles(name, [one], read));
  }
  const scope = makeScope(evaluation, { packages, made });
  // Whether or not a template asks for them, texts belong to the system too.
  Object.keys(packages).forEach((name) => scope.packages[name]);
  return scope;
}

type FilesPackage = Exclude<Package, TextPackage | { readonly kind: "store-path" }>;

async function readPackage(
  name: string,
  one: FilesPackage,
  { evaluation, scratchFile }: MakePackagesOptions & { readonly evaluation: Evaluation },
): Promise<FileTree> {
  const { host, signal } = evaluation;
  const refused = (
    why: string,
    more: { readonly cause?: unknown; readonly hint?: string | undefined } = {},
  ): NativeError =>
    new NativeError("native/package", `could not make package ${name} of ${one.path}: ${why}`, {
      host: host.name,
      ...more,
    });
  const path = await realpath(one.path).catch(async (error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw refused(messageOf(error), { cause: error });
    throw refused("there is nothing", { cause: error, hint: await missingHint(one.path) });
  });
  const isFolder = (await stat(path)).isDirectory();
  if (isFolder !== (one.kind === "directory")) {
    throw refused(isFolder ? "it is a folder; say directory()" : "it is no folder; say file() or tarball()");
  }
  if (one.kind === "file") {
    const tree = await readFileTree(path, { signal });
    if (one.executable !== true || tree.kind !== "file") return tree;
    return program(basename(one.path), { ...tree, executable: true });
  }
  const takes = pathFilter(one);
  const tree =
    one.kind === "directory"
      ? await readFileTree(path, { takes, signal })
      : await readTar(path, { scratchFile: await scratchFile(), strip: one.strip, takes, signal });
  if (takes !== undefined && tree.kind === "directory" && tree.entries.size === 0) {
    throw refused("include and exclude leave nothing of it");
  }
  return tree;
}

/** How far the path is good, and what is there instead. */
async function missingHint(path: string): Promise<string> {
  let folder = dirname(path);
  let missing = basename(path);
  for (;;) {
    const found = await readdir(folder).catch(() => undefined);
    if (found !== undefined) {
      const near = didYouMean(missing, found);
      const advice = "build it first, or mend the path: it starts from the hive file's folder";
      return `${folder} has no ${missing}${near === undefined ? "" : `, ${near}`}; ${advice}`;
    }
    if (dirname(folder) === folder) return "mend the path: it starts from the hive file's folder";
    missing = basename(folder);
    folder = dirname(folder);
  }
}

function program(name: string, file: FileTree): FileTree {
  return treeDirectory([["bin", treeDirectory([[name, file]])]]);
}

interface ScopeParts {
  readonly packages: Readonly<Record<string, Package>>;
  readonly made: Map<string, StorePath>;
}

/** Names that JavaScript itself asks objects for. */
const ASKED_BY_THE_LANGUAGE = ["then", "toJSON"];

function makeScope(evaluation: Evaluation, { packages, made }: ScopeParts): Scope {
  const { host } = evaluation;
  const underWay: string[] = [];
  const pathOf = (name: string): StorePath => {
    const path = made.get(name) ?? makeText(name);
    made.set(name, path);
    return path;
  };
  const makeText = (name: string): StorePath => {
    const one = packages[name];
    if (one?.kind !== "text") throw unknownPackage(name, { host: host.name, known: Object.keys(packages) });
    if (underWay.includes(name)) throw circular([...underWay, name], host.name);
    underWay.push(name);
    const where = `packages.${name}`;
    const text = renderTemplate(one.text, { host: host.name, where, scope, expected: "text", isRight: isText });
    underWay.pop();
    if (one.executable !== true) return evaluation.addText(name, text);
    return evaluation.addTree(name, program(name, treeFile(text, { executable: true })));
  };
  const paths = Object.fromEntries(Object.keys(packages).map((name) => [name, ""]));
  const scope: Scope = {
    host,
    packages: new Proxy(paths, {
      get: (_paths, name) =>
        typeof name === "symbol" || (ASKED_BY_THE_LANGUAGE.includes(name) && !Object.hasOwn(packages, name))
          ? undefined
          : pathOf(name),
      set: () => false,
    }),
  };
  return scope;
}

function unknownPackage(
  name: string,
  { host, known }: { readonly host: string; readonly known: readonly string[] },
): NativeError {
  const which = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
  return new NativeError("native/unknown-package", `the system has no package ${name}: ${which}`, {
    host,
    hint: didYouMean(name, known) ?? "name it under packages",
  });
}

function circular(names: readonly string[], host: string): NativeError {
  const from = names.slice(names.indexOf(names.at(-1) ?? ""));
  return new NativeError("native/circular", `the text of package ${from.join(" needs the path of ")}`, {
    host,
    hint: "a store path is made of its contents, so they cannot have it in them; put what both need in a third package",
  });
}
