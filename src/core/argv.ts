/** A program and its arguments. Never a shell string: what a remote shell sees is made by {@link quoteArgv} alone. */
export type Argv = readonly [program: string, ...args: string[]];

// A login shell need not be POSIX's: zsh takes `=ls` for where ls is, and fish `%self` for a number.
const PLAIN_WORD = /^(?!=|%self)[A-Za-z0-9_@%+=:,./-]+$/;
// And fish takes a backslash before another, or before a quote, for its own even in quotes.
const OUT_OF_QUOTES = /'|\\(?=[\\']|$)/g;

/** One word quoted for a POSIX shell; plain words stay as they are. */
export function quoteWord(word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll(OUT_OF_QUOTES, (character) => `'\\${character}'`)}'`;
}

/** A command line that any POSIX shell, zsh and fish split back into exactly `argv`. */
export function quoteArgv(argv: Argv): string {
  return argv.map(quoteWord).join(" ");
}
