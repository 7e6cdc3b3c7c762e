/**
 * Text of hosts in Markdown, where it must make no link, mention, image, heading or tag. Code has none of these, so every
 * such text is code, with a fence longer than any run of backticks in it (CommonMark, sections 4.5 and 6.1).
 */

/** One line as code within a line; also in a cell of a table, where a bar must be escaped even there. */
export function codeSpan(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  if (line === "") return "";
  const fence = "`".repeat(longestRun(line) + 1);
  const space = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${fence}${space}${line.replaceAll("|", "\\|")}${space}${fence}`;
}

/** Lines as a block of code. */
export function codeBlock(lines: readonly string[]): readonly string[] {
  const fence = "`".repeat(Math.max(3, longestRun(lines.join("\n")) + 1));
  return [fence, ...lines, fence];
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
}
