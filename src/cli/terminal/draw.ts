import type { Stream } from "./terminal.ts";

/** Draws lines over those drawn before, from the top of the terminal. */
export function drawingOn(stdout: Stream): (lines: readonly string[]) => void {
  let isFirst = true;
  return (lines) => {
    const drawn = lines.map((line) => `${cutTo(line, stdout.columns)}\u001b[K\n`).join("");
    stdout.write(`${isFirst ? "\u001b[2J" : ""}\u001b[H${drawn}\u001b[J`);
    isFirst = false;
  };
}

/** A line that the terminal does not wrap. Colours take no room. */
function cutTo(line: string, columns = Number.POSITIVE_INFINITY): string {
  let width = 0;
  let cut = "";
  for (const [part] of line.matchAll(/\u001b\[\d+m|./gsu)) {
    if (!part.startsWith("\u001b")) width += 1;
    if (width > columns && !part.startsWith("\u001b")) continue;
    cut += part;
  }
  return cut;
}
