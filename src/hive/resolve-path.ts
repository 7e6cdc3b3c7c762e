import { homedir } from "node:os";
import { resolve } from "node:path";
import type { SystemSource } from "./host/system-source.ts";
import type { Package } from "./native/native-package.ts";
import type { NativeSource } from "./native/native-system.ts";

/** A path made absolute: relative to the hive's folder, or to the operator's home after `~/`. */
export function resolvePath(path: string, directory: string): string {
  return path === "~" || path.startsWith("~/") ? resolve(homedir(), path.slice(2)) : resolve(directory, path);
}

/** A source whose local paths are absolute. */
export function resolveSource(source: SystemSource, directory: string): SystemSource {
  switch (source.kind) {
    case "nix-flake":
      return { ...source, flake: resolveFlake(source.flake, directory) };
    case "nix-file":
      return { ...source, file: resolvePath(source.file, directory) };
    case "store-path":
      return source;
    case "native":
      return resolveNative(source, directory);
  }
}

function resolveNative(source: NativeSource, directory: string): NativeSource {
  const packages = Object.entries(source.packages).map(([name, one]) => [name, resolvePackage(one, directory)]);
  const etc = Object.entries(source.etc).map(([path, entry]) => {
    return [path, entry.file === undefined ? entry : { ...entry, file: resolvePath(entry.file, directory) }];
  });
  return {
    ...source,
    packages: Object.fromEntries(packages) as NativeSource["packages"],
    etc: Object.fromEntries(etc) as NativeSource["etc"],
  };
}

function resolvePackage(one: Package, directory: string): Package {
  return "path" in one ? { ...one, path: resolvePath(one.path, directory) } : one;
}

/**
 * A flake reference that names a local folder, made absolute; every other (`github:owner/repo`, `nixpkgs`) stays.
 * Local are `.`, `..`, `/…`, `./…`, `../…`, `~/…`, and such a path after `path:`, `git+file:` or `hg+file:`.
 */
function resolveFlake(flake: string, directory: string): string {
  const match = /^(?<scheme>path:|git\+file:|hg\+file:)?(?<path>[^?]*)(?<query>\?.*)?$/s.exec(flake);
  const { scheme = "", path = "", query = "" } = match?.groups ?? {};
  if (path.startsWith("//")) return flake;
  const isLocal = scheme !== "" || /^(?:\.{0,2}|~)(?:\/|$)/.test(path);
  return isLocal ? `${scheme}${resolvePath(path, directory)}${query}` : flake;
}
