/**
 * Unit files, systemd.syntax(7):
 *
 *     line    = "[" section "]" / key "=" value / comment / empty
 *     comment = "#" … / ";" …
 *     value   = … ["\" newline …]          (a backslash at the end of a line becomes a space)
 *
 * A key may come many times. For a list each adds to it, and an empty value empties it.
 */

/** What unit files say, those of drop-ins after the unit's own. */
export interface UnitSettings {
  /** The last value of a key that takes one. */
  get(section: string, key: string): string | undefined;
  /** Every value of a key that takes many. */
  all(section: string, key: string): readonly string[];
  /** Every value of a key that takes many words, taken apart at white space. */
  words(section: string, key: string): readonly string[];
}

interface Entry {
  readonly section: string;
  readonly key: string;
  readonly value: string;
}

export function parseUnitTexts(texts: readonly string[]): UnitSettings {
  const entries = texts.flatMap(parseEntries);
  const all = (section: string, key: string): readonly string[] => {
    const values = entries.filter((entry) => entry.section === section && entry.key === key).map(({ value }) => value);
    return values.slice(values.lastIndexOf("") + 1);
  };
  return {
    all,
    get: (section, key) => all(section, key).at(-1),
    words: (section, key) => all(section, key).flatMap((value) => value.split(/\s+/).filter((word) => word !== "")),
  };
}

function parseEntries(text: string): Entry[] {
  const entries: Entry[] = [];
  let section = "";
  for (const line of joinContinued(text)) {
    const header = /^\[(.+)\]$/.exec(line)?.[1];
    if (header !== undefined) section = header;
    const equals = line.indexOf("=");
    if (header !== undefined || equals === -1) continue;
    entries.push({ section, key: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim() });
  }
  return entries;
}

function joinContinued(text: string): string[] {
  const lines: string[] = [];
  let begun = "";
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    // A comment between two parts of a continued line is passed over.
    if (/^[#;]/.test(line) || (begun === "" && line === "")) continue;
    if (line.endsWith("\\")) begun += `${line.slice(0, -1)} `;
    else {
      lines.push((begun + line).trim());
      begun = "";
    }
  }
  if (begun !== "") lines.push(begun.trim());
  return lines;
}
