import type { FileFilter } from "#hive";

/**
 * Whether a package takes a path. `*` and `?` stay within a name, `**` does not; a glob without a slash is for names
 * at any depth. What matches for a folder goes for all that is in it.
 * @returns undefined when the filter takes everything.
 */
export function pathFilter({ include, exclude }: FileFilter): ((path: string) => boolean) | undefined {
  if (include === undefined && exclude === undefined) return undefined;
  const included = include?.map(globPattern);
  const excluded = exclude?.map(globPattern) ?? [];
  return (path) => {
    if (excluded.some((pattern) => pattern.test(path))) return false;
    return included === undefined || included.some((pattern) => pattern.test(path));
  };
}

function globPattern(glob: string): RegExp {
  const path = glob.replace(/^\.\//, "").replace(/\/$/, "");
  const body = path.replaceAll(/\*\*\/|\*\*|\*|\?|[^*?]+/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    return part.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${path.includes("/") ? "" : "(?:.*/)?"}${body}(?:/.*)?$`, "s");
}
