/** A line of bash up to the cursor. */
export interface SplitLine {
  /** Without their quotes; the last one is what the cursor stands in, and may be empty. Of several commands, the last one's. */
  readonly words: readonly string[];
  /** The quote that is open where the cursor is. */
  readonly quote: "'" | '"' | "";
}

export function splitLine(line: string): SplitLine {
  let words: string[] = [];
  let word: string | undefined;
  let quote: SplitLine["quote"] = "";
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (quote === "'" || (quote === '"' && char !== "\\")) {
      if (char === quote) quote = "";
      else word = (word ?? "") + char;
    } else if (char === "\\") {
      const next = line.charAt(++at);
      word = (word ?? "") + (quote === '"' && !'"\\$`!'.includes(next) ? `\\${next}` : next);
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/[\s;|&()]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      if (!/\s/.test(char)) words = [];
    } else word = (word ?? "") + char;
  }
  return { words: [...words, word ?? ""], quote };
}
