import { parseArgs } from "node:util";

/** How a bench was asked for. */
export interface BenchArguments {
  /** Small sizes and one run: to see that it works, not to quote. */
  readonly quick: boolean;
  /** Measured runs of each tool in each case. */
  readonly runs: number;
  /** Prints rows as JSON, as Markdown, or (neither) as text. */
  readonly format: "json" | "markdown" | "text";
  /** Keeps the cases whose names contain one of these. */
  readonly only: readonly string[];
  readonly suite: "bookworm" | "trixie";
}

/** @throws TypeError for words it does not know. */
export function readArguments(): BenchArguments {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      runs: { type: "string" },
      json: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      suite: { type: "string", default: "bookworm" },
    },
  });
  const { quick, json, markdown, only, suite } = values;
  const runs = Number(values.runs ?? (quick ? 1 : 5));
  if (!Number.isInteger(runs) || runs < 1) throw new TypeError(`--runs ${String(values.runs)} is not a number of runs`);
  if (suite !== "bookworm" && suite !== "trixie") throw new TypeError(`--suite ${suite} is not bookworm or trixie`);
  return { quick, runs, format: json ? "json" : markdown ? "markdown" : "text", only, suite };
}

export function isWanted(name: string, { only }: BenchArguments): boolean {
  return only.length === 0 || only.some((part) => name.includes(part));
}
