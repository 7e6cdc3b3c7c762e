import type { CommandDescription } from "../describe-commands.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { readNames } from "./read-names.ts";
import type { SplitLine } from "./split-line.ts";
import { splitLine } from "./split-line.ts";
import type { Candidate, Wanted } from "./wanted.ts";
import { wantedAt } from "./wanted.ts";

/**
 * Answers a shell's script: what may stand where the cursor is. A line `:skep:words`, `:skep:file` or `:skep:folder`, the
 * last two of which leave it to the shell, then a line for each word, a tab, and what it is. What a hive file prints while
 * it is run comes before that line. Whatever goes wrong, there is nothing to offer, and nothing is said.
 *
 * - `bash LINE WORD`: the line up to the cursor, and the word that bash would put an answer in the place of
 * - `zsh WORD…` and `fish WORD…`: the words after `skep`, the last of which is not typed to its end
 */
export async function complete(
  [shell = "", ...words]: readonly string[],
  {
    terminal,
    commands,
  }: { readonly terminal: Pick<Terminal, "stdout" | "cwd" | "env">; readonly commands: readonly CommandDescription[] },
): Promise<void> {
  const answer = (kind: string, candidates: readonly Candidate[]): void => {
    const lines = candidates.map(({ word, description = "" }) => `${word}\t${oneLine(description)}\n`);
    terminal.stdout.write(`:skep:${kind}\n${lines.join("")}`);
  };
  const bash = shell === "bash" ? splitLine(words[0] ?? "") : undefined;
  const typed = bash === undefined ? words : bash.words.slice(1);
  const wanted = wantedAt(typed, commands);
  if (wanted.names === "file" || wanted.names === "folder") {
    answer(wanted.names, []);
    return;
  }
  const found = (await candidatesOf(wanted, terminal))
    // Answers are lines.
    .filter(({ word }) => word.startsWith(wanted.typed) && !/\p{Cc}/u.test(word))
    .map((candidate) => ({ ...candidate, word: wanted.prefix + candidate.word }));
  if (bash === undefined) answer("words", found);
  else answer("words", fitBash(found, { typed: typed.at(-1) ?? "", replaced: words[1] ?? "", quote: bash.quote }));
}

async function candidatesOf(wanted: Wanted, terminal: Pick<Terminal, "cwd" | "env">): Promise<readonly Candidate[]> {
  if (wanted.names === undefined) return wanted.candidates;
  try {
    return [...wanted.candidates, ...(await readNames(wanted.names, wanted, terminal))];
  } catch {
    // The command itself will say what is wrong with the hive.
    return wanted.candidates;
  }
}

/** bash breaks words at `@`, `=` and `:`, puts the answer in the place of the last part only, and quotes nothing in it. */
function fitBash(
  candidates: readonly Candidate[],
  { typed, replaced, quote }: { readonly typed: string; readonly replaced: string } & Pick<SplitLine, "quote">,
): readonly Candidate[] {
  const part = quote === "" ? (splitLine(replaced).words.at(-1) ?? "") : replaced;
  const kept = typed.endsWith(part) ? typed.length - part.length : 0;
  return candidates.map((candidate) => ({ ...candidate, word: quoted(candidate.word.slice(kept), quote) }));
}

/** As it is to stand on a line of bash, so that it is nothing but that word: names of files may have anything in them. */
function quoted(word: string, quote: SplitLine["quote"]): string {
  if (quote === "'") return word.replaceAll("'", String.raw`'\''`);
  return word.replaceAll(quote === '"' ? /["\\$`]/g : /[^\p{L}\p{N}_@%+=:,./-]/gu, String.raw`\$&`);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
