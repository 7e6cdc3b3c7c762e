import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const APT = "/etc/apt";

/**
 * The Debian mirror this machine's own apt uses: the first source of packages whose components include `main`, one
 * with the machine's release first. Undefined where apt has none, or has another distribution's.
 */
export async function readMirror(): Promise<string | undefined> {
  const system = await readFile("/etc/os-release", "utf8");
  if (!/^ID=debian$/m.test(system)) return undefined;
  const release = /^VERSION_CODENAME=(\S+)$/m.exec(system)?.[1];
  const fits = (await readSources()).filter(({ components }) => components.includes("main"));
  const source = fits.find(({ suites }) => release !== undefined && suites.includes(release)) ?? fits[0];
  return source?.uri;
}

interface Source {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

async function readSources(): Promise<readonly Source[]> {
  const folder = join(APT, "sources.list.d");
  const names = (await readdir(folder).catch(() => [])).sort();
  const texts = [["sources.list", await readFile(join(APT, "sources.list"), "utf8").catch(() => "")]];
  for (const name of names) texts.push([name, await readFile(join(folder, name), "utf8")]);
  return texts.flatMap(([name = "", text = ""]) => {
    if (name.endsWith(".sources")) return parseDeb822Sources(text);
    return name.endsWith(".list") ? parseListSources(text) : [];
  });
}

/** One line a source: `deb [options] uri suite component…`. */
export function parseListSources(text: string): readonly Source[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    const [, uri, suite, components] = match ?? [];
    if (uri === undefined || suite === undefined || components === undefined) return [];
    return [{ uri, suites: [suite], components: words(components) }];
  });
}

/** Stanzas of `Field: value` with continuation lines, divided by empty lines. */
export function parseDeb822Sources(text: string): readonly Source[] {
  return text
    .replaceAll(/^#.*\n/gm, "")
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const fields = new Map<string, string>();
      for (const match of stanza.matchAll(/^([\w-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
        fields.set((match[1] ?? "").toLowerCase(), match[2] ?? "");
      }
      if (fields.get("enabled")?.trim() === "no" || !words(fields.get("types")).includes("deb")) return [];
      const rest = { suites: words(fields.get("suites")), components: words(fields.get("components")) };
      return words(fields.get("uris")).map((uri) => ({ uri, ...rest }));
    });
}

function words(text = ""): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
