import { abortable, formatDuration, startDeadline } from "#core";
import { HiveError, parseHive } from "#hive";
import type { Hive } from "#hive";
import { dirname, relative } from "node:path";
import { explainThrown } from "./explain-thrown.ts";
import { findHive } from "./find-hive.ts";
import type { FindHiveOptions } from "./find-hive.ts";
import { importHive } from "./import-hive.ts";

export interface LoadHiveOptions extends FindHiveOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long the file may take to run and its function to answer; default one minute. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Finds the hive file, runs it, and validates what it exports: a hive, a promise of one, or a function that makes it.
 * @throws HiveError `hive/not-found`, `hive/load` with the line of the user's code, or `hive/invalid`.
 */
export async function loadHive(options: LoadHiveOptions): Promise<Hive> {
  const { cwd, signal, timeoutMs = 60_000 } = options;
  const path = await findHive(options);
  const show = (file: string): string => shortPath(file, cwd);
  using deadline = startDeadline(timeoutMs, {
    signal,
    reason: () =>
      new HiveError("hive/load", `cannot load ${show(path)}: it was not ready after ${formatDuration(timeoutMs)}`, {
        hint: "see whether it awaits something that never comes",
      }),
  });
  deadline.signal.throwIfAborted();
  const input = await abortable(readDefinition(path, show), deadline.signal);
  return parseHive(input, { directory: dirname(path), file: show(path) });
}

async function readDefinition(path: string, show: (file: string) => string): Promise<unknown> {
  using imported = importHive(path);
  try {
    const exports = await imported.exports;
    if ("default" in exports) return await madeBy(exports.default);
  } catch (thrown) {
    const { place, message, hint } = explainThrown(thrown, imported.maps);
    const where = place === undefined ? "" : ` ${show(place.file)}:${place.line}:${place.column}:`;
    throw new HiveError("hive/load", `cannot load ${show(path)}:${where} ${message}`, { hint, cause: thrown });
  }
  throw new HiveError("hive/invalid", `${show(path)} has no default export`, {
    hint: "end it with: export default defineHive({ hosts: { … } })",
  });
}

async function madeBy(definition: unknown): Promise<unknown> {
  return typeof definition === "function" ? await (definition as () => unknown)() : await definition;
}

function shortPath(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short === "" || short.startsWith("..") ? file : short;
}
