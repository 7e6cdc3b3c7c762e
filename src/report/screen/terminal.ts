import type { Output } from "../output.ts";
import { stripEscapes } from "../text/plain-text.ts";
import { widthOf } from "../text/width.ts";

/** The place on a terminal where each frame is drawn over the one before. Disposing it shows the cursor again. */
export interface DrawingPlace extends Disposable {
  /** Lines that fit the terminal; the cursor waits on the line below them. */
  draw(lines: readonly string[]): void;
  /** Takes the last frame away. */
  erase(): void;
}

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const ERASE_REST_OF_LINE = "\u001b[K";
const ERASE_BELOW = "\u001b[J";

/** Hides the cursor until disposed, or until the process exits without getting to that. */
export function openDrawingPlace(output: Output): DrawingPlace {
  let drawn: readonly string[] = [];
  const showCursor = (): void => {
    output.write(SHOW_CURSOR);
  };
  process.once("exit", showCursor);
  output.write(HIDE_CURSOR);
  return {
    draw(lines) {
      const text = lines.map((line) => `${line}${ERASE_REST_OF_LINE}\n`).join("");
      output.write(backToTop(drawn, output) + text + ERASE_BELOW);
      drawn = lines;
    },
    erase() {
      output.write(backToTop(drawn, output) + ERASE_BELOW);
      drawn = [];
    },
    [Symbol.dispose]() {
      process.off("exit", showCursor);
      showCursor();
    },
  };
}

/** Moves from below a frame to its first line, also where the terminal was made narrower since and has wrapped it. */
function backToTop(drawn: readonly string[], { columns, rows }: Output): string {
  const taken = drawn
    .map((line) => (columns > 0 ? Math.ceil(widthOf(stripEscapes(line)) / columns) : 1))
    .reduce((sum, lines) => sum + Math.max(1, lines), 0);
  const up = rows > 0 ? Math.min(taken, rows - 1) : taken;
  // A carriage return first: the terminal has echoed ^C to where the cursor was.
  return up > 0 ? `\r\u001b[${up}A` : "\r";
}
