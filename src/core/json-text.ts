// JSON leaves these as they are; a terminal takes the first for commands, some readers the others for line ends.
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g;

/** JSON in which nothing is left that a terminal would obey, whatever the texts in it say. */
export function jsonText(value: unknown, indent?: number): string {
  return escapeJson(JSON.stringify(value, undefined, indent));
}

/** The same for JSON that was made already. */
export function escapeJson(json: string): string {
  return json.replace(UNESCAPED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
