const MAX_LINE = 4096;
/**
 * ECMA-48: control sequences (`ESC [` or its one-byte form, parameters, final byte), strings that a terminal takes for
 * itself (titles, links) when they are ended, and the remaining two-character escapes.
 */
const ESCAPE_SEQUENCE =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b[\]PX^_](?:[^\u0007\u001b]*(?:\u0007|\u001b\\))?|\u001b[ -/]*[0-~]/g;
// Controls, invisible and direction-changing characters, and what makes a character an emoji: what is left has a width.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029\ufe0e\ufe0f]/gu;

/**
 * Text from a host or a builder as one line that is safe on a terminal: no escape sequences, no control characters,
 * nothing that reorders text. Of a line that was overwritten with carriage returns, what was seen last.
 */
export function plainLine(text: string, { maxLength = MAX_LINE }: { readonly maxLength?: number } = {}): string {
  const line = text.trimEnd().replaceAll(/\r?\n/g, " ");
  const seen = line.slice(line.lastIndexOf("\r") + 1).slice(0, maxLength);
  return stripEscapes(seen).replaceAll("\t", "  ").replaceAll(UNPRINTABLE, "").trimEnd();
}

/** The same for text of several lines; empty lines at the end are dropped. */
export function plainLines(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => plainLine(line));
}

/** The first line of a message that has something in it. */
export function firstLine(text: string): string {
  return plainLines(text).find((line) => line.trim() !== "") ?? "";
}

export function stripEscapes(text: string): string {
  return text.replaceAll(ESCAPE_SEQUENCE, "");
}
