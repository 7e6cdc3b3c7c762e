import { stripVTControlCharacters } from "node:util";

const MAX_LINE = 4096;
// Controls, invisible and direction-changing characters, and what makes a character an emoji: what is left has a width.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029\ufe0e\ufe0f]/gu;

/**
 * Text from a host or a builder as one line that is safe on a terminal: no escape sequences, no control characters,
 * nothing that reorders text. Of a line that was overwritten with carriage returns, what was seen last.
 */
export function plainLine(text: string): string {
  const flat = text.replace(/[\r\n]+$/, "");
  const seen = flat.slice(flat.lastIndexOf("\r") + 1, flat.length).slice(0, MAX_LINE);
  return stripVTControlCharacters(seen.replaceAll("\n", " ")).replaceAll("\t", "  ").replace(UNPRINTABLE, "").trimEnd();
}

/** The same for text of several lines; empty lines at the end are dropped. */
export function plainLines(text: string): string[] {
  return text.trimEnd().split("\n").map(plainLine);
}

/** The first line of a message that has something in it. */
export function firstLine(text: string): string {
  return plainLines(text).find((line) => line.trim() !== "") ?? "";
}
