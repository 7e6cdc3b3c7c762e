/**
 * The words of a line of bash up to the cursor, without their quotes; the last one is what the cursor stands in, and may be
 * empty or have an open quote. Of several commands on the line it is the last one's.
 */
export function splitLine(line: string): readonly string[] {
  let words: string[] = [];
  let word: string | undefined;
  let quote = "";
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
  return [...words, word ?? ""];
}
