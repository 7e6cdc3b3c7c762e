/**
 * Globs over names:
 *
 *     glob = { "*" | "?" | set | character }
 *     set  = "[" ["!" | "^"] item { item } "]"
 *     item = character [ "-" character ]
 *
 * `*` is any run of characters, `?` any one, a set one of its items (or, after `!` or `^`, one of the others).
 * Matching takes time in proportion to the glob's length times the name's, whatever the glob.
 */
export interface Glob {
  readonly text: string;
  readonly parts: readonly GlobPart[];
}

type GlobPart = "*" | ((character: string) => boolean);

/** A glob from its text, or the offset of the `[` that begins a set without an end or without items. */
export function parseGlob(text: string): Glob | { readonly badSetAt: number } {
  const parts: GlobPart[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === "[") {
      const end = text.indexOf("]", at);
      const set = end === -1 ? undefined : parseSet(text.slice(at + 1, end));
      if (set === undefined) return { badSetAt: at };
      parts.push(set);
      at = end + 1;
      continue;
    }
    if (character === "*") parts.push("*");
    else parts.push(character === "?" ? () => true : (other) => other === character);
    at += 1;
  }
  return { text, parts };
}

export function globMatches(glob: Glob, name: string): boolean {
  let part = 0;
  let at = 0;
  let lastStar: { readonly part: number; at: number } | undefined;
  while (at < name.length) {
    const wanted = glob.parts[part];
    if (wanted === "*") {
      lastStar = { part, at };
      part += 1;
    } else if (wanted?.(name.charAt(at)) === true) {
      part += 1;
      at += 1;
    } else if (lastStar !== undefined) {
      // Only the last star needs a second try: whatever an earlier one could take over, this one can take as well.
      lastStar.at += 1;
      part = lastStar.part + 1;
      at = lastStar.at;
    } else {
      return false;
    }
  }
  return glob.parts.slice(part).every((rest) => rest === "*");
}

/** Whether the text says more than one plain name. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text);
}

function parseSet(body: string): ((character: string) => boolean) | undefined {
  const negated = body.startsWith("!") || body.startsWith("^");
  const items = negated ? body.slice(1) : body;
  if (items === "") return undefined;
  const ranges = [...items.matchAll(/(.)(?:-(.))?/gsu)].map(([, first = "", last = first]) => ({ first, last }));
  return (character) => ranges.some(({ first, last }) => first <= character && character <= last) !== negated;
}
