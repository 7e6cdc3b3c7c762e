import { readFileSync } from "node:fs";
import type { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";
import * as skep from "skep";
import { didYouMean, messageOf } from "#core";

/** The maps of the user's files that were translated, by file: from the translation's lines, one lower, to the file's. */
export type SourceMaps = ReadonlyMap<string, SourceMap>;

/** What the user's code threw, in the user's terms. */
export interface Explanation {
  /** Where in the user's code, as far as it is known; line and column count from 1. */
  readonly place: { readonly file: string; readonly line: number; readonly column: number } | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** A file of the user's that is not TypeScript. */
export class HiveSyntaxError extends Error {
  readonly place: Explanation["place"];

  /** @param code what jiti makes of a file it cannot parse. */
  constructor(code: string) {
    const error = JSON.parse(code.slice(code.indexOf("{"))) as Readonly<Record<string, unknown>>;
    super(String(error.message).trim());
    this.name = "SyntaxError";
    this.place = { file: String(error.filename), line: Number(error.line), column: Number(error.column) + 1 };
  }
}

/** Finds the line of the user's code behind what it threw. */
export function explainThrown(thrown: unknown, maps: SourceMaps): Explanation {
  if (thrown instanceof HiveSyntaxError) return { place: thrown.place, message: thrown.message, hint: undefined };
  return explainMissingModule(thrown) ?? { place: placeOf(thrown, maps), ...explainMessage(messageOf(thrown)) };
}

/** The stack's first frame in one of the user's own files. */
function placeOf(thrown: unknown, maps: SourceMaps): Explanation["place"] {
  if (!(thrown instanceof Error)) return undefined;
  for (const frame of thrown.stack?.split("\n") ?? []) {
    const [, where = "", line, column] = /(?:\(|at (?:async )?)([^()]+):(\d+):(\d+)\)?$/.exec(frame) ?? [];
    const file = where.startsWith("file:") ? fileURLToPath(where) : where;
    const entry = maps.get(file)?.findEntry(Number(line) - 2, Number(column) - 1);
    if (entry !== undefined && "originalLine" in entry) {
      return { file, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
    }
  }
  return undefined;
}

/** A missing module's stack shows no line of the user's, but its message names the file that asked for it. */
function explainMissingModule(thrown: unknown): Explanation | undefined {
  const found = /^Cannot find (?:module|package) '([^']+)'(?:.*\nRequire stack:\n- | imported from )(\S+)/.exec(
    messageOf(thrown),
  );
  const [, module, importer] = found ?? [];
  if (module === undefined || importer === undefined) return undefined;
  const message = `cannot find "${module}"`;
  const isPackage = !/^[./]/.test(module);
  const hint = isPackage ? `install it beside the hive: npm install ${module}` : undefined;
  return { place: placeInSource(importer, module), message, hint };
}

function placeInSource(file: string, word: string): Explanation["place"] {
  const lines = readFileSync(file, "utf8").split("\n");
  const line = lines.findIndex((text) => text.includes(`"${word}"`) || text.includes(`'${word}'`));
  return { file, line: line + 1, column: lines[line]?.indexOf(word) ?? 0 };
}

/** A translated call of something imported reads `(0 , _skep.nixoss)`. */
function explainMessage(message: string): Pick<Explanation, "message" | "hint"> {
  const unknown = /\(0 , _skep\.(\w+)\) is not a function/.exec(message)?.[1];
  const hint =
    unknown === undefined
      ? undefined
      : `skep has no ${unknown}; ${didYouMean(unknown, Object.keys(skep)) ?? `it has ${Object.keys(skep).join(", ")}`}`;
  return { message: message.replaceAll(/\(0 , _\w+\.(\w+)\)/g, "$1"), hint };
}
