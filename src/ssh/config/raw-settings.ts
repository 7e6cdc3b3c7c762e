/** ssh_config's answers for one host, before defaults and expansion: keywords in lower case, values in order. */
export interface RawSettings {
  first(keyword: string): string | undefined;
  all(keyword: string): readonly string[];
}

/** Keywords whose one line holds several values. */
export const LIST_KEYWORDS: ReadonlySet<string> = new Set(["userknownhostsfile", "globalknownhostsfile"]);

/** The settings `ssh -G` prints: a keyword and its value a line. */
export function parseSshG(output: string): RawSettings {
  const values = new Map<string, string[]>();
  for (const line of output.split("\n")) {
    const space = line.indexOf(" ");
    if (space < 0) continue;
    const keyword = line.slice(0, space).toLowerCase();
    const value = line.slice(space + 1);
    const list = values.get(keyword) ?? [];
    list.push(...(LIST_KEYWORDS.has(keyword) ? value.split(" ") : [value]));
    values.set(keyword, list);
  }
  return rawSettings(values);
}

export function rawSettings(values: ReadonlyMap<string, readonly string[]>): RawSettings {
  return {
    first: (keyword) => values.get(keyword)?.[0],
    all: (keyword) => values.get(keyword) ?? [],
  };
}
