import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { BootParts } from "#activation";
import { BOOTED_PARTS } from "#activation";
import type { StorePath } from "#store";

/** What a system that Nix built here says of boots and of `/etc`, read from this machine's store. */
export interface LocalSystem {
  readonly parts: BootParts;
  readonly initInterface: string | undefined;
  /** What is below `/etc` in a NixOS system: where each link leads. */
  readonly etc: ReadonlyMap<string, string>;
}

/** Reads what is there: a toplevel that is none of NixOS has nothing of all this. */
export async function readLocalSystem(toplevel: StorePath): Promise<LocalSystem> {
  const parts = new Map<string, string>();
  for (const part of BOOTED_PARTS) {
    const path = join(toplevel, part);
    const found = part === "kernel-params" ? await textOf(path) : await orNothing(realpath(path));
    if (found !== undefined) parts.set(part, found);
  }
  const etc = new Map<string, string>();
  const folder = await orNothing(realpath(join(toplevel, "etc")));
  if (folder !== undefined) await collectLinks(folder, "", etc);
  return { parts, initInterface: await textOf(join(toplevel, "init-interface-version")), etc };
}

/** NixOS says beside an entry which mode and owner it has: that is a part of the entry. */
export function withoutAttributes(etc: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map(
    [...etc].filter(([path]) => !/\.(?:mode|uid|gid)$/.test(path) || !etc.has(path.replace(/\.\w+$/, ""))),
  );
}

async function collectLinks(folder: string, below: string, links: Map<string, string>): Promise<void> {
  for (const entry of (await orNothing(readdir(join(folder, below), { withFileTypes: true }))) ?? []) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) await collectLinks(folder, path, links);
    else links.set(path, entry.isSymbolicLink() ? ((await orNothing(readlink(join(folder, path)))) ?? "") : "");
  }
}

async function textOf(path: string): Promise<string | undefined> {
  return (await orNothing(readFile(path, "utf8")))?.replaceAll("\n", " ").trim();
}

async function orNothing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch {
    return undefined;
  }
}
