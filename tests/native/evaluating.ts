import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeSource } from "#hive";
import { parseHive } from "#hive";
import type { NativeEvaluator, NativeHost } from "#native";
import { openNativeEvaluator } from "#native";
import type { Closure, StorePath } from "#store";
import { dumpTree, parseNar } from "#store";
import { writeBelow } from "../write-below.ts";

/** A hive's folder with files in it. */
export async function makeFolder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "skep-native-"));
  for (const [path, contents] of Object.entries(files)) await writeBelow(folder, path, contents);
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** The host as a hive file would give it, validated. */
export function hostOf(system: NativeSource, { name = "web-1", directory = "/fleet" } = {}): NativeHost {
  const [host] = parseHive(
    { hosts: { [name]: { system, target: `root@${name}.example`, tags: ["web"] } } },
    { directory },
  ).hosts;
  if (host?.system.kind !== "native") throw new Error("expected a native system");
  return { ...host, system: host.system };
}

export function openEvaluator(): NativeEvaluator {
  return openNativeEvaluator({
    readNixClosure: (path) => Promise.reject(new Error(`nothing was to be asked of Nix, but ${path} was`)),
  });
}

/** The path of a closure whose name ends so. */
export function pathNamed(closure: Closure, name: string): StorePath {
  const found = closure.paths.filter(({ path }) => path.slice("/nix/store/".length + 33) === name);
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} paths are named ${name}`);
  return found[0].path;
}

/** The files of a path made by an evaluator: their contents, and `→ target` for links, by path. */
export async function filesOf(evaluator: NativeEvaluator, path: StorePath): Promise<Readonly<Record<string, string>>> {
  const tree = evaluator.locate(path);
  if (typeof tree === "string") throw new Error(`${path} was not made here`);
  const files: Record<string, string> = {};
  let at = "";
  for await (const event of parseNar(dumpTree(tree))) {
    if (event.kind === "contents") {
      files[at] = (files[at] ?? "") + event.bytes.toString();
      continue;
    }
    at = event.path.toString();
    if (event.kind === "file") files[at] = "";
    if (event.kind === "symlink") files[at] = `→ ${event.target.toString()}`;
  }
  return files;
}
