/** The words of a command line that are skep's own: those behind two dashes are a command for hosts. */
export function ownWords(argv: readonly string[]): readonly string[] {
  return argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
}
