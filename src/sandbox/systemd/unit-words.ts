/**
 * Words of a unit file's command lines and assignments, systemd.service(5) "COMMAND LINES":
 *
 *     word   = *( plain / "'" … "'" / '"' … '"' / "\" escape )
 *     escape = "a" / "b" / "f" / "n" / "r" / "t" / "v" / "s" / "\" / quote / "x" 2hex / 3octal
 */

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  s: " ",
};

/** Splits a value into words, quotes and escapes undone; undefined when a quote is left open. */
export function splitUnitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === "\\") {
      const [, escape = ""] = /^\\(x[0-9a-fA-F]{2}|[0-3][0-7]{2}|.)/su.exec(text.slice(at)) ?? [];
      word = (word ?? "") + unescape(escape);
      at += escape.length;
    } else if (quote !== "" && letter === quote) quote = "";
    else if (quote === "" && (letter === '"' || letter === "'")) {
      quote = letter;
      word ??= "";
    } else if (quote === "" && /\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + letter;
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

/** Replaces the specifiers that a sandbox host knows: `%n %N %p %i %I %H %t %S %%`; others stay as they are. */
export function expandSpecifiers(
  text: string,
  { unit, hostName }: { readonly unit: string; readonly hostName: string },
): string {
  const [, prefix = unit, instance = ""] = /^([^@]*)(?:@(.*))?\.[^.]+$/.exec(unit) ?? [];
  const values: Readonly<Record<string, string>> = {
    n: unit,
    N: unit.replace(/\.[^.]+$/, ""),
    p: prefix,
    i: instance,
    I: instance.replaceAll("-", "/"),
    H: hostName,
    t: "/run",
    S: "/var/lib",
    "%": "%",
  };
  return text.replace(/%(.)/g, (whole, letter: string) => values[letter] ?? whole);
}

/**
 * Replaces variables in the words of a command line: `${NAME}` anywhere; `$NAME` as a word of its own becomes as many
 * words as its value has. `$$` is a dollar sign. What is not set is empty.
 */
export function expandVariables(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  return words.flatMap((word) => {
    const alone = /^\$([A-Za-z_]\w*)$/.exec(word)?.[1];
    if (alone !== undefined) return (environment[alone] ?? "").split(/\s+/).filter((part) => part !== "");
    return [
      word.replace(/\$\$|\$\{([A-Za-z_]\w*)\}/g, (_whole, name: string | undefined) =>
        name === undefined ? "$" : (environment[name] ?? ""),
      ),
    ];
  });
}

function unescape(escape: string): string {
  if (escape.startsWith("x") && escape.length === 3) return String.fromCharCode(parseInt(escape.slice(1), 16));
  if (/^\d{3}$/.test(escape)) return String.fromCharCode(parseInt(escape, 8));
  return ESCAPES[escape] ?? escape;
}
