import { closest, quoteWord } from "#core";
import type { Hive } from "#hive";
import { selectHosts } from "#hive";
import { CliError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { UnknownWords } from "../usage-error.ts";
import { loadHive } from "./load-hive.ts";

/** A hive that takes longer is not worth a hint. */
const TIMEOUT_MS = 5_000;

/**
 * The error of a command line with words that nobody knows: where they are hosts or tags of the hive, or nearly so, its
 * hint is how to select them. Any other error stays as it is.
 */
export async function suggestSelection(error: unknown, { cwd, env }: Terminal): Promise<unknown> {
  if (!(error instanceof UnknownWords)) return error;
  try {
    const hive = await loadHive({ file: error.hive, cwd, env, timeoutMs: TIMEOUT_MS });
    const selection = selectionOf(error.words, { hive, mayGuess: !error.isGuessed });
    if (selection === undefined) return error;
    const [first = ""] = error.words;
    const message = error.message.startsWith("unknown argument: ")
      ? `unknown argument: ${error.words.join(", ")}`
      : error.message;
    return new CliError("cli/usage", message, {
      hint: `hosts are selected with --on: did you mean --on ${quoteWord(selection)}${selection === first ? "" : ` instead of ${error.words.join(" ")}`}?`,
    });
  } catch {
    // What is wrong with the hive is told when it is asked for.
    return error;
  }
}

/** What all of the words select, as far as each is a selection, a tag or nearly one of either. */
function selectionOf(
  words: readonly string[],
  { hive, mayGuess }: { readonly hive: Hive; readonly mayGuess: boolean },
): string | undefined {
  const meant = words.map((word) => meaningOf(word, hive) ?? (mayGuess ? guess(word, hive) : undefined));
  const known = meant.filter((one) => one !== undefined);
  return known.length === words.length && known.length > 0 ? known.join(",") : undefined;
}

function meaningOf(word: string, hive: Hive): string | undefined {
  if (tagsOf(hive).includes(`@${word}`)) return `@${word}`;
  try {
    selectHosts(hive, word);
    return word;
  } catch {
    return undefined;
  }
}

function guess(word: string, hive: Hive): string | undefined {
  return closest(word, [...hive.hosts.map(({ name }) => name), ...tagsOf(hive)]) ?? closest(`@${word}`, tagsOf(hive));
}

function tagsOf({ hosts }: Hive): readonly string[] {
  return hosts.flatMap(({ tags }) => tags.map((tag) => `@${tag}`));
}
