/** A program and its arguments. Never a shell string: what a remote shell sees is made by {@link quoteArgv} alone. */
export type Argv = readonly [program: string, ...args: string[]];

// A login shell need not be POSIX's: zsh takes `=ls` for where ls is, fish `%self` for a number, and `\\` for one even in quotes.
const PLAIN_WORD = /^[A-Za-z0-9_@+:,./-][A-Za-z0-9_@%+=:,./-]*$/;

/** One word quoted for a POSIX shell; plain words stay as they are. */
export function quoteWord(word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll(/['\\]/g, (character) => `'\\${character}'`)}'`;
}

/** A command line that any POSIX shell, zsh and fish split back into exactly `argv`. */
export function quoteArgv(argv: Argv): string {
  return argv.map(quoteWord).join(" ");
}
