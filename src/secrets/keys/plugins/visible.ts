const MAX_CHARACTERS = 1_000;

/** What a plugin says, as text that does nothing to a terminal but stand there. */
export function visible(text: Uint8Array): string {
  return Buffer.from(text)
    .toString("utf8")
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .slice(0, MAX_CHARACTERS);
}
