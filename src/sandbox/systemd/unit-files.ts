import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "#core";
import { resolveInRoot } from "../resolve-in-root.ts";
import type { UnitSettings } from "./unit-text.ts";
import { parseUnitTexts } from "./unit-text.ts";

/** Where unit files lie below a host's root; the first that has one wins. */
const UNIT_FOLDERS = ["/etc/systemd/system", "/run/systemd/system"];

/** A file that says something of a unit. */
export interface UnitFile {
  /** On the host. */
  readonly path: string;
  readonly text: string;
}

/** A unit as its files describe it. */
export interface Unit {
  readonly name: string;
  /** `service`, `target`, `timer`, … */
  readonly kind: string;
  readonly description: string;
  /** The path of its file on the host; undefined for the targets every systemd has. */
  readonly path: string | undefined;
  /** Its own file and its drop-ins. */
  readonly files: readonly UnitFile[];
  readonly isMasked: boolean;
  readonly settings: UnitSettings;
  /** Units that must run with it. */
  readonly requires: readonly string[];
  /** Units that should run with it. */
  readonly wants: readonly string[];
  readonly after: readonly string[];
  readonly before: readonly string[];
  /** Units with which it is stopped and restarted. */
  readonly partOf: readonly string[];
}

/** The unit files below a host's root. */
export interface UnitFiles {
  /** Undefined when there is no such unit. */
  read(name: string): Promise<Unit | undefined>;
  /** The names of all unit files, templates apart. */
  list(): Promise<string[]>;
  /** Whether links of `.wants` and `.requires` folders name it, and in which of the unit folders. */
  linksTo(name: string): Promise<readonly { readonly folder: string; readonly link: string }[]>;
}

/** What every systemd brings: the way from nothing to a running system. */
const BUILT_IN: Readonly<Record<string, string>> = {
  "sysinit.target":
    "[Unit]\nDescription=System Initialization\nDefaultDependencies=no\nWants=local-fs.target\nAfter=local-fs.target",
  "local-fs.target": "[Unit]\nDescription=Local File Systems\nDefaultDependencies=no",
  "basic.target":
    "[Unit]\nDescription=Basic System\nRequires=sysinit.target\nWants=sockets.target timers.target paths.target\nAfter=sysinit.target sockets.target paths.target",
  "sockets.target": "[Unit]\nDescription=Socket Units\nDefaultDependencies=no",
  "timers.target": "[Unit]\nDescription=Timer Units\nDefaultDependencies=no",
  "paths.target": "[Unit]\nDescription=Path Units\nDefaultDependencies=no",
  "network.target": "[Unit]\nDescription=Network",
  "network-online.target": "[Unit]\nDescription=Network is Online\nAfter=network.target",
  "multi-user.target": "[Unit]\nDescription=Multi-User System\nRequires=basic.target\nAfter=basic.target",
  "default.target": "[Unit]\nDescription=Default Target\nRequires=multi-user.target\nAfter=multi-user.target",
  "shutdown.target": "[Unit]\nDescription=System Shutdown\nDefaultDependencies=no",
};

export function createUnitFiles(root: string): UnitFiles {
  const find = async (name: string): Promise<UnitFile | undefined> => {
    for (const folder of UNIT_FOLDERS) {
      const path = `${folder}/${name}`;
      const real = await resolveInRoot(root, path);
      if (real === join(root, "/dev/null")) return { path, text: "" };
      const text = await readIfThere(real);
      if (text !== undefined) return { path, text };
    }
    return undefined;
  };
  const linked = async (name: string, kind: "wants" | "requires"): Promise<string[]> => {
    const lists = await Promise.all(UNIT_FOLDERS.map((folder) => namesIn(root, `${folder}/${name}.${kind}`)));
    return lists.flat();
  };
  const dropIns = async (name: string): Promise<UnitFile[]> => {
    const found: UnitFile[] = [];
    for (const folder of [...UNIT_FOLDERS].reverse()) {
      for (const file of (await namesIn(root, `${folder}/${name}.d`)).sort()) {
        if (!file.endsWith(".conf")) continue;
        const path = `${folder}/${name}.d/${file}`;
        const text = await readIfThere(await resolveInRoot(root, path));
        if (text !== undefined) found.push({ path, text });
      }
    }
    return found;
  };
  return {
    async read(name) {
      const template = name.replace(/@.+(\.[^.]+)$/, "@$1");
      const found = (await find(name)) ?? (template === name ? undefined : await find(template));
      const builtIn = BUILT_IN[name];
      if (found === undefined && builtIn === undefined) return undefined;
      const path = found?.path;
      const isMasked = path !== undefined && (await resolveInRoot(root, path)) === join(root, "/dev/null");
      const more = await dropIns(name);
      const settings = parseUnitTexts([found?.text ?? builtIn ?? "", ...more.map(({ text }) => text)]);
      const unitFiles = found === undefined ? more : [found, ...more];
      const [wants, requires] = await Promise.all([linked(name, "wants"), linked(name, "requires")]);
      return makeUnit(name, { path, files: unitFiles, isMasked, settings, wants, requires });
    },
    async list() {
      const lists = await Promise.all(UNIT_FOLDERS.map((folder) => namesIn(root, folder)));
      const names = lists
        .flat()
        .filter((name) => /^[^@]+(@[^@]+)?\.(service|target|timer|socket|path|mount)$/.test(name));
      return [...new Set(names)].sort();
    },
    async linksTo(name) {
      const links: { folder: string; link: string }[] = [];
      for (const folder of UNIT_FOLDERS) {
        for (const entry of await namesIn(root, folder)) {
          if (!/\.(wants|requires)$/.test(entry)) continue;
          if (!(await namesIn(root, `${folder}/${entry}`)).includes(name)) continue;
          links.push({ folder, link: `${folder}/${entry}/${name}` });
        }
      }
      return links;
    },
  };
}

type UnitSources = Pick<Unit, "path" | "files" | "isMasked" | "settings" | "wants" | "requires">;

function makeUnit(name: string, { path, files, isMasked, settings, wants, requires }: UnitSources): Unit {
  const words = (key: string): readonly string[] => settings.words("Unit", key);
  const kind = name.slice(name.lastIndexOf(".") + 1);
  const hasDefaults = !/^(no|false|off|0)$/.test(settings.get("Unit", "DefaultDependencies") ?? "yes");
  const allWants = [...words("Wants"), ...wants];
  const allRequires = [...words("Requires"), ...words("BindsTo"), ...words("Requisite"), ...requires];
  const implied = kind === "target" ? [...allWants, ...allRequires] : ["sysinit.target", "basic.target"];
  return {
    name,
    kind,
    description: settings.get("Unit", "Description") ?? name,
    path,
    files,
    isMasked,
    settings,
    requires: allRequires,
    wants: allWants,
    after: [...words("After"), ...(hasDefaults ? implied : [])],
    before: words("Before"),
    partOf: words("PartOf"),
  };
}

async function namesIn(root: string, folder: string): Promise<string[]> {
  try {
    return await readdir(await resolveInRoot(root, folder));
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw error;
  }
}
