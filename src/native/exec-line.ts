/**
 * Words for the lines of unit files, quoted by systemd's own rules (systemd.service(5), systemd.syntax(7)), so that
 * the program gets exactly these. Its specifiers (`%`), variables (`$`), escapes and lone `;` mean nothing then.
 */

/** A program and its arguments as the value of `ExecStart=` and its like. */
export function execLine([program, ...args]: readonly [string, ...string[]]): string {
  // systemd expands variables in arguments but not in the program's own path.
  return [quote(program), ...args.map((word) => quote(word.replaceAll("$", () => "$$")))].join(" ");
}

/** A variable as a value of `Environment=`. */
export function environmentLine(name: string, value: string): string {
  return quote(`${name}=${value}`);
}

/** A value that is one line and not split into words. */
export function plainValue(value: string): string {
  return value.replaceAll("%", "%%");
}

const PLAIN = /^[A-Za-z0-9_@%+=:,./$-]+$/;

function quote(word: string): string {
  const safe = word.replaceAll("%", "%%");
  if (PLAIN.test(safe)) return safe;

  const escaped = safe.replaceAll(/["\\\u0000-\u001f\u007f]/g, (character) =>
    character === '"' || character === "\\" ? `\\${character}` : `\\x${hex(character)}`,
  );
  return `"${escaped}"`;
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, "0");
}
