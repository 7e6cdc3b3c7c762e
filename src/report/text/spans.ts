import type { Paint, Style } from "./paint.ts";
import { cut, widthOf } from "./width.ts";

/** A piece of a line and how it looks. */
export interface Span {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** A line made of its pieces and cut to `columns`; what is painted takes no columns. */
export function renderSpans(
  spans: readonly Span[],
  { columns, paint }: { readonly columns: number; readonly paint: Paint },
): string {
  let line = "";
  let left = columns;
  let blank = "";
  for (const { text, style } of spans) {
    const end = text.trimEnd();
    if (end === "") {
      blank += text;
      continue;
    }
    left -= blank.length;
    if (left <= 0) break;
    const kept = cut(end, left);
    line += blank + paint(style, kept);
    if (kept !== end) break;
    left -= widthOf(kept);
    // Spaces wait for something to stand in front of: no line ends in them, and none is cut because of them.
    blank = text.slice(end.length);
  }
  return line;
}

/** The same over as many lines as it takes, broken between spans. */
export function wrapSpans(spans: readonly Span[], columns: number): Span[][] {
  const lines: Span[][] = [];
  let left = 0;
  for (const span of spans) {
    const line = lines.at(-1);
    if (line === undefined || widthOf(span.text.trimEnd()) > left) {
      lines.push([span]);
      left = columns;
    } else {
      line.push(span);
    }
    left -= widthOf(span.text);
  }
  return lines;
}

/** The words of a text, each with the space after it. */
export function wordSpans(text: string, style: Style): Span[] {
  return Array.from(text.matchAll(/\S+\s*/g), ([word]) => ({ text: word, style }));
}
