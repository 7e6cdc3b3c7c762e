import type { Hive } from "#hive";
import { HiveError, parseHive } from "#hive";
import type { FindHiveOptions } from "./find-hive.ts";
import { findHive } from "./find-hive.ts";
import { readDefinition } from "./read-definition.ts";

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
  const { value, file, directory } = await readDefinition(await findHive(options), {
    ...options,
    ending: "defineHive({ hosts: { … } })",
    fail: (failure, message, more) => new HiveError(failure === "load" ? "hive/load" : "hive/invalid", message, more),
  });
  return parseHive(value, { directory, file });
}
