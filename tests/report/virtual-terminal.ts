/** What a terminal shows after it was sent some text. */
export interface VirtualTerminal {
  /** What was scrolled out included; without spaces and empty lines at the end. */
  readonly lines: readonly string[];
  readonly cursorShown: boolean;
  /** Whether a line was longer than the terminal is wide. */
  readonly wrapped: boolean;
}

const TOKEN = /\u001b\[(\??)(\d*)([A-Za-z])|([\s\S])/gu;

/** Plays text on a terminal of a size. @throws on a sequence or a control character that the screen should not send. */
export function playTerminal(
  text: string,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): VirtualTerminal {
  const lines: string[][] = [[]];
  let [row, column, cursorShown, wrapped] = [0, 0, true, false];
  const newLine = (): void => {
    row += 1;
    column = 0;
    if (row === lines.length) lines.push([]);
  };
  for (const [whole, mode, number, command, character = ""] of text.matchAll(TOKEN)) {
    if (command === "A") row = Math.max(0, lines.length - rows, row - Number(number));
    else if (command === "K" || command === "J") {
      lines[row]?.splice(column);
      if (command === "J") for (const below of lines.slice(row + 1)) below.splice(0);
    } else if (command === "m") continue;
    else if (mode === "?" && number === "25") cursorShown = command === "h";
    else if (character === "\r") column = 0;
    else if (character === "\n") newLine();
    else if (command !== undefined || /\p{Cc}/u.test(character)) throw new Error(`sent ${JSON.stringify(whole)}`);
    else {
      if (column === columns) {
        wrapped = true;
        newLine();
      }
      const line = lines[row];
      if (line !== undefined) line[column] = character;
      column += 1;
    }
  }
  const shown = lines.map((line) => line.join("").trimEnd());
  while (shown.at(-1) === "") shown.pop();
  return { lines: shown, cursorShown, wrapped };
}
