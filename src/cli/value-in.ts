import { ownWords } from "./own-words.ts";

/**
 * What an option is given at a command line that could not be read to its end, as it stands there; undefined where it is not.
 * @param options.names with their dashes: `["--hive", "-f"]`.
 */
export function valueIn(argv: readonly string[], { names }: { readonly names: readonly string[] }): string | undefined {
  const own = ownWords(argv);
  const at = own.findIndex((word) => names.includes(word));
  const next = at === -1 ? undefined : own[at + 1];
  if (next?.startsWith("-") === false) return next;
  const joined = own.find((word) => names.some((name) => word.startsWith(`${name}=`)));
  return joined?.slice(joined.indexOf("=") + 1);
}
