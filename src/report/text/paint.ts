/** What a piece of text is to stand out as. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Puts text into a style; into none when there is no style or colours are off. */
export type Paint = (style: Style | undefined, text: string) => string;

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const satisfies Record<Style, readonly [on: number, off: number]>;

export function createPaint(colors: boolean): Paint {
  if (!colors) return (_style, text) => text;
  return (style, text) => {
    if (style === undefined || text === "") return text;
    const [on, off] = CODES[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

/**
 * Whether to colour what goes to `stream`: never with a `NO_COLOR` that is not empty, always with `FORCE_COLOR` (unless
 * it is `0` or `false`), else on a terminal that is not `dumb`.
 */
export function useColors(
  stream: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if ((env.NO_COLOR ?? "") !== "") return false;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return stream.isTTY === true && env.TERM !== "dumb";
}
