import type { Template } from "./native-scope.ts";

/**
 * Which files of a folder a package takes, as globs over paths relative to it: `*` and `?` stay within a name, `**` does
 * not. A glob without a slash is for names at any depth.
 */
export interface FileFilter {
  /** Only files that match one of these. Default: all. @example ["bin/*", "share/**"] */
  readonly include?: readonly string[] | undefined;
  /** No files or folders that match one of these; wins over `include`. @example ["*.map", ".git"] */
  readonly exclude?: readonly string[] | undefined;
}

/** A folder of this machine as it is: `npm run build`'s `dist`, a site, a folder of programs. */
export interface DirectoryPackage extends FileFilter {
  readonly kind: "directory";
  /** Relative to the hive file. */
  readonly path: string;
}

/** A single file of this machine. */
export interface FilePackage {
  readonly kind: "file";
  /** Relative to the hive file. */
  readonly path: string;
  /**
   * `true` makes it a program: the package is a folder with the file at `bin/<its name>`, executable.
   * Default: the package is the file itself, executable if it is on this machine.
   */
  readonly executable?: boolean | undefined;
}

/** What a tar archive holds: `.tar`, `.tar.gz` or `.tgz`. */
export interface TarballPackage extends FileFilter {
  readonly kind: "tarball";
  /** Relative to the hive file. */
  readonly path: string;
  /** How many leading folders to leave out of every name, as `tar --strip-components`. Default: 0. */
  readonly strip?: number | undefined;
}

/** A file whose contents stand in the hive. */
export interface TextPackage {
  readonly kind: "text";
  readonly text: Template<string>;
  /** `true` makes it a program at `bin/<package's name>` of a folder. Default: the package is the file itself. */
  readonly executable?: boolean | undefined;
}

/** A path built by Nix, which comes with everything it refers to. */
export interface StorePathPackage {
  readonly kind: "store-path";
  readonly storePath: string;
}

/** Something a system's units and files can refer to. It becomes a path of `/nix/store`, the same wherever it is made. */
export type Package = DirectoryPackage | FilePackage | TarballPackage | TextPackage | StorePathPackage;

/**
 * A package made of a folder of this machine: its files, links and executable bits; owners and times do not count.
 * @example directory("./dist", { exclude: ["*.map"] })
 */
export function directory(path: string, filter: FileFilter = {}): DirectoryPackage {
  return { ...filter, kind: "directory", path };
}

/**
 * A package made of one file of this machine.
 * @example file("./robots.txt")                              // packages.robots is the file
 * @example file("./target/release/api", { executable: true }) // the program is `${packages.api}/bin/api`
 */
export function file(path: string, options: Pick<FilePackage, "executable"> = {}): FilePackage {
  return { ...options, kind: "file", path };
}

/**
 * A package made of what a tar archive holds.
 * @example tarball("./app-1.2.tgz", { strip: 1 })
 */
export function tarball(path: string, options: Omit<TarballPackage, "kind" | "path"> = {}): TarballPackage {
  return { ...options, kind: "tarball", path };
}

/**
 * A package made of text, which may mention other packages.
 * @example text("hello\n")
 * @example text(({ packages }) => `#!/bin/sh\nexec ${packages.tool}/bin/tool --quiet "$@"\n`, { executable: true })
 */
export function text(contents: Template<string>, options: Pick<TextPackage, "executable"> = {}): TextPackage {
  return { ...options, kind: "text", text: contents };
}

/**
 * A package that Nix built: a path of this machine's store, with everything it refers to.
 * @example storePath("/nix/store/…-nginx-1.26")
 */
export function storePath(path: string): StorePathPackage {
  return { kind: "store-path", storePath: path };
}
