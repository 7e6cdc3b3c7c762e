/** A Nix expression whose value is `text`: a string literal in which nothing of `text` is read as Nix. */
export function quoteNixString(text: string): string {
  return `"${text.replace(/["\\]|\$(?=\{)/g, "\\$&").replaceAll("\r", "\\r")}"`;
}
