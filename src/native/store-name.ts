const MAX_LENGTH = 150;

/** A text as near as the name of a store path can be to it. */
export function storeName(text: string): string {
  const name = text
    .normalize("NFKD")
    .replaceAll(/[^0-9A-Za-z+\-._?=]+/g, "-")
    .replace(/^\.+/, "")
    .slice(0, MAX_LENGTH);
  return name === "" || name === "-" ? "file" : name;
}
