import { NixError } from "./errors.ts";

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_'-]*$/;

/**
 * Reads an attribute path as Nix's command line does.
 *
 * ```
 * path = name *( "." name )
 * name = 1*( plain / quoted )        a name is never empty
 * plain = any character but "." and the double quote
 * quoted = DQUOTE *( any character but the double quote ) DQUOTE
 * ```
 * @throws NixError `nix/attribute-path`
 */
export function parseAttributePath(text: string): string[] {
  const names: string[] = [];
  let name = "";
  let quoted = false;
  for (const character of `${text}.`) {
    if (character === '"') {
      quoted = !quoted;
    } else if (character === "." && !quoted) {
      if (name === "") throw malformed(text, "it has an empty name");
      names.push(name);
      name = "";
    } else {
      name += character;
    }
  }
  if (quoted) throw malformed(text, "a quote is not closed");
  return names;
}

/** The path as Nix reads it back: names with anything unusual are quoted. */
export function formatAttributePath(names: readonly string[]): string {
  return names.map((name) => (PLAIN_NAME.test(name) ? name : `"${name}"`)).join(".");
}

function malformed(text: string, why: string): NixError {
  return new NixError("nix/attribute-path", `could not read the attribute path ${JSON.stringify(text)}: ${why}`, {
    hint: 'separate names with dots and quote those that have one, as in hosts."web-1.example"',
  });
}
