import { readdirSync, readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), "../src");

/** design.md, section 2: imports go to lower ranks only, through the folder's door. */
const RANKS: Readonly<Record<string, number>> = {
  core: 0,
  hive: 1,
  store: 1,
  nix: 2,
  native: 2,
  ssh: 2,
  secrets: 2,
  activation: 3,
  health: 3,
  sandbox: 3,
  rollout: 4,
  report: 5,
  simulation: 5,
  cli: 6,
};

/** Each third-party package is imported by one folder only; of ssh2, the client by one and the server by another. */
const OWNERS: Readonly<Record<string, string | readonly string[]>> = {
  zod: ["hive", "report"],
  zx: "nix",
  "tar-stream": "store",
  ssh2: ["ssh", "sandbox"],
  "ssh-config": "ssh",
  "age-encryption": "secrets",
  "bcrypt-pbkdf": "secrets",
  "p-limit": "rollout",
  listr2: "report",
  yargs: "cli",
  jiti: "cli",
  // The package itself, as a hive file imports it.
  skep: "cli",
};

interface Import {
  /** Path below src: `store/copy-closure.ts`. */
  readonly file: string;
  readonly specifier: string;
}

const imports = filesBelow(SRC).flatMap(importsOf);

describe("the layers", () => {
  it("every folder of src has a rank and a door", () => {
    const folders = readdirSync(SRC).filter((name) => statSync(join(SRC, name)).isDirectory());
    expect(folders.sort()).toEqual(Object.keys(RANKS).sort());
    for (const folder of folders) expect(statSync(join(SRC, folder, "index.ts")).isFile()).toBe(true);
  });

  it("imports go downwards only", () => {
    const upwards = imports.filter(({ file, specifier }) => {
      const target = /^#([^/]+)$/.exec(specifier)?.[1];
      if (target === undefined || folderOf(file) === undefined) return false;
      return (RANKS[target] ?? Number.POSITIVE_INFINITY) >= (RANKS[folderOf(file) ?? ""] ?? -1);
    });
    expect(upwards).toEqual([]);
  });

  it("no relative import leaves its folder, and no door is passed by", () => {
    const around = imports.filter(({ file, specifier }) => {
      if (specifier.startsWith("#")) return specifier.includes("/");
      if (!specifier.startsWith(".")) return false;
      const target = relative(SRC, resolve(SRC, dirname(file), specifier));
      return folderOf(target) !== folderOf(file);
    });
    expect(around).toEqual([]);
  });

  it("no file imports its own folder's door", () => {
    expect(imports.filter(({ file, specifier }) => specifier === `#${folderOf(file) ?? ""}`)).toEqual([]);
  });

  it("every third-party package has one owner", () => {
    const strays = imports.filter(({ file, specifier }) => {
      const name = packageOf(specifier);
      return name !== undefined && !ownersOf(name).includes(folderOf(file) ?? "");
    });
    expect(strays).toEqual([]);
  });

  it("every owner in the table still owns its package", () => {
    const used = new Set(imports.map(({ file, specifier }) => `${folderOf(file) ?? ""} ${packageOf(specifier) ?? ""}`));
    const owned = Object.keys(OWNERS).flatMap((name) => ownersOf(name).map((owner) => `${owner} ${name}`));
    expect(owned.filter((pair) => !used.has(pair))).toEqual([]);
  });

  it("only report and cli touch the process's terminal", () => {
    const writers = filesBelow(SRC).filter((file) =>
      /\bprocess\.(stdout|stderr)\b|\bconsole\.\w+\(/.test(readFileSync(join(SRC, file), "utf8")),
    );
    expect(writers.filter((file) => !["report", "cli"].includes(folderOf(file) ?? ""))).toEqual([]);
  });
});

function ownersOf(name: string): readonly string[] {
  return [OWNERS[name] ?? []].flat();
}

/** The first folder of a path below src; undefined for files of src itself, such as the package's own door. */
function folderOf(file: string): string | undefined {
  return file.includes("/") ? file.split("/", 1)[0] : undefined;
}

function packageOf(specifier: string): string | undefined {
  if (/^(\.|#|node:)/.test(specifier) || builtinModules.includes(specifier)) return undefined;
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
}

function importsOf(file: string): Import[] {
  const found = ts.preProcessFile(readFileSync(join(SRC, file), "utf8"), true).importedFiles;
  return found.map(({ fileName }) => ({ file, specifier: fileName }));
}
