const MAX_SHOWN = 40;

/** A value found in the hive, in a few words. Long text is cut, only the first line is shown, and passwords in URLs are hidden. */
export function describeFound(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "nothing";
    case "string":
      return describeText(value);
    case "number":
    case "boolean":
      return String(value);
    case "bigint":
      return `${value}n`;
    case "symbol":
      return "a symbol";
    case "function":
      return "a function";
    case "object":
      return describeObject(value);
  }
}

function describeText(text: string): string {
  const safe = text.replace(/(\/\/).*@|(:)(?!\/\/).*@/s, "$1$2…@");
  const shown = safe.slice(0, MAX_SHOWN).replace(/[\r\n].*$/s, "");
  // JSON escapes control characters; whatever else would not show, or would turn the line around, is escaped as well.
  const quoted = JSON.stringify(shown).replaceAll(/\p{C}/gu, escaped);
  return shown === safe ? quoted : `${quoted.slice(0, -1)}…"`;
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function describeObject(value: object | null): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Promise) return "a promise";
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null;
  const maker = prototype?.constructor;
  if (typeof maker === "function" && maker !== Object) return `a ${maker.name}`;
  const keys = Object.keys(value);
  if (keys.length === 0) return "an empty object";
  return keys.every((key) => /^[\w-]{1,30}$/.test(key)) ? `an object with ${keys.slice(0, 4).join(", ")}` : "an object";
}
