import { dirname, relative } from "node:path";
import type { SkepError } from "#core";
import { abortable, formatDuration, startDeadline } from "#core";
import { explainThrown } from "./explain-thrown.ts";
import { importHive } from "./import-hive.ts";

/** Why a file defines nothing: it could not be run, or it exports nothing by default. */
export type DefinitionFailure = "load" | "no-default";

export interface ReadDefinitionOptions {
  /** Absolute; paths in messages start here. */
  readonly cwd: string;
  /** What the file should end with, after `export default`. */
  readonly ending: string;
  /** Makes the error of the layer that the definition belongs to. */
  readonly fail: (
    failure: DefinitionFailure,
    message: string,
    options: { readonly hint?: string | undefined; readonly cause?: unknown },
  ) => SkepError;
  /** How long the file may take to run and its function to answer; default one minute. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a file defines. */
export interface Definition {
  readonly value: unknown;
  /** The file as messages call it. */
  readonly file: string;
  /** The file's folder, absolute. */
  readonly directory: string;
}

/**
 * Runs a hive file or a secrets file and takes its default export: a value, a promise of one, or a function that makes
 * either.
 * @throws what `fail` makes, with the line of the user's code; the signal's reason.
 */
export async function readDefinition(path: string, options: ReadDefinitionOptions): Promise<Definition> {
  const { cwd, fail, signal, timeoutMs = 60_000 } = options;
  const file = shortPath(path, cwd);
  using deadline = startDeadline(timeoutMs, {
    signal,
    reason: () =>
      fail("load", `cannot load ${file}: it was not ready after ${formatDuration(timeoutMs)}`, {
        hint: "see whether it awaits something that never comes",
      }),
  });
  deadline.signal.throwIfAborted();
  const value = await abortable(run(path, options), deadline.signal);
  return { value, file, directory: dirname(path) };
}

async function run(path: string, { cwd, ending, fail }: ReadDefinitionOptions): Promise<unknown> {
  const file = shortPath(path, cwd);
  using imported = importHive(path);
  try {
    const exports = await imported.exports;
    if ("default" in exports) return await madeBy(exports.default);
  } catch (thrown) {
    const { place, message, hint } = explainThrown(thrown, imported.maps);
    const where = place === undefined ? "" : ` ${shortPath(place.file, cwd)}:${place.line}:${place.column}:`;
    throw fail("load", `cannot load ${file}:${where} ${message}`, { hint, cause: thrown });
  }
  throw fail("no-default", `${file} has no default export`, { hint: `end it with: export default ${ending}` });
}

async function madeBy(definition: unknown): Promise<unknown> {
  return typeof definition === "function" ? await (definition as () => unknown)() : await definition;
}

function shortPath(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short === "" || short.startsWith("..") ? file : short;
}
