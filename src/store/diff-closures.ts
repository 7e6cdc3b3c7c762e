import type { PackageName } from "./package-name.ts";
import { compareVersions, parsePackageName } from "./package-name.ts";
import type { StorePath } from "./store-path.ts";
import { storePathName } from "./store-path.ts";

/** A path of a closure, as far as a comparison looks at it. */
export interface StoredPath {
  readonly path: StorePath;
  /** Bytes of its NAR. */
  readonly narSize: number;
}

/**
 * What became of a package:
 * - `up`, `down`: a later, an earlier version
 * - `added`, `removed`: a version more, or one less
 * - `changed`: versions of which none is the later one
 * - `rebuilt`: other paths of the same versions
 */
type PackageChangeKind = "up" | "down" | "changed" | "added" | "removed" | "rebuilt";

export interface PackageChange {
  readonly name: string;
  readonly kind: PackageChangeKind;
  /** Versions that are gone, the earliest first; the empty one stands for none in the name. */
  readonly from: readonly string[];
  /** Versions that have come. */
  readonly to: readonly string[];
  /** Bytes that all its paths together are larger than before. */
  readonly sizeDelta: number;
}

/** From one closure to another, by packages. */
export interface ClosureDiff {
  /** By name. */
  readonly packages: readonly PackageChange[];
  /** Paths that the other closure has not. */
  readonly pathsAdded: number;
  readonly pathsRemoved: number;
  /** Bytes of all NARs together, before and after. */
  readonly sizeBefore: number;
  readonly sizeAfter: number;
}

export interface DiffClosuresOptions {
  /** What a path is called, from which package and version are told. Default: its own name. */
  readonly nameOf?: ((path: StorePath) => string) | undefined;
}

/** Compares two closures in the manner of `nix store diff-closures`, and lists what was rebuilt too. Pure. */
export function diffClosures(
  before: Iterable<StoredPath>,
  after: Iterable<StoredPath>,
  { nameOf = storePathName }: DiffClosuresOptions = {},
): ClosureDiff {
  const packageOf = (path: StorePath): PackageName => parsePackageName(nameOf(path));
  const [old, wanted] = [sizesOf(before), sizesOf(after)];
  const gone = [...old.keys()].filter((path) => !wanted.has(path));
  const come = [...wanted.keys()].filter((path) => !old.has(path));
  // Most paths are in both. Of these only versions of packages that changed are of interest.
  const changed = new Map<string, Versions>();
  const versionsOf = (name: string): Versions => {
    const known = changed.get(name) ?? { before: new Set<string>(), after: new Set<string>(), sizeDelta: 0 };
    changed.set(name, known);
    return known;
  };
  for (const path of gone) {
    const { name, version } = packageOf(path);
    const versions = versionsOf(name);
    versions.before.add(version);
    versions.sizeDelta -= old.get(path) ?? 0;
  }
  for (const path of come) {
    const { name, version } = packageOf(path);
    const versions = versionsOf(name);
    versions.after.add(version);
    versions.sizeDelta += wanted.get(path) ?? 0;
  }
  for (const path of old.keys()) {
    if (!wanted.has(path)) continue;
    const { name, version } = packageOf(path);
    const versions = changed.get(name);
    versions?.before.add(version);
    versions?.after.add(version);
  }
  return {
    packages: [...changed].map(([name, versions]) => changeOf(name, versions)).sort(byName),
    pathsAdded: come.length,
    pathsRemoved: gone.length,
    sizeBefore: sum(old.values()),
    sizeAfter: sum(wanted.values()),
  };
}

interface Versions {
  readonly before: Set<string>;
  readonly after: Set<string>;
  sizeDelta: number;
}

function sizesOf(paths: Iterable<StoredPath>): ReadonlyMap<StorePath, number> {
  const sizes = new Map<StorePath, number>();
  for (const { path, narSize } of paths) sizes.set(path, narSize);
  return sizes;
}

function changeOf(name: string, { before, after, sizeDelta }: Versions): PackageChange {
  const from = [...before].filter((version) => !after.has(version)).sort(compareVersions);
  const to = [...after].filter((version) => !before.has(version)).sort(compareVersions);
  return { name, kind: kindOf(from, to), from, to, sizeDelta };
}

function kindOf(from: readonly string[], to: readonly string[]): PackageChange["kind"] {
  const [old, wanted] = [from.at(-1), to.at(-1)];
  if (old === undefined) return wanted === undefined ? "rebuilt" : "added";
  if (wanted === undefined) return "removed";
  const order = compareVersions(old, wanted);
  return order === 0 ? "changed" : order < 0 ? "up" : "down";
}

function byName(one: PackageChange, other: PackageChange): number {
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0;
}

function sum(sizes: Iterable<number>): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}
