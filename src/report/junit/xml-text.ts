/** XML 1.0, section 2.2: a parser refuses every other character, however it is written. */
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Any text as the content of an XML element. What XML has no way to say is left out. */
export function xmlText(text: string): string {
  return text.replaceAll(NOT_XML, "").replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? "");
}

/** Any text as the value of an attribute, where a parser would make spaces of line ends. */
export function xmlAttribute(text: string): string {
  return xmlText(text).replaceAll(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** ` name="value"` for each that has a value. */
export function xmlAttributes(attributes: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(attributes)
    .flatMap(([name, value]) => (value === undefined ? [] : ` ${name}="${xmlAttribute(String(value))}"`))
    .join("");
}
