import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

const ENDING = ".ndjson";
const KEPT_RUNS = 100;

/** The journals in a folder, the newest run first; none where there is no such folder. */
export async function listJournals(
  directory: string,
): Promise<readonly { readonly run: string; readonly file: string }[]> {
  const names = await readdir(directory).catch(() => []);
  // Names of runs sort by time.
  return names
    .filter((name) => name.endsWith(ENDING))
    .sort()
    .reverse()
    .map((name) => ({ run: name.slice(0, -ENDING.length), file: join(directory, name) }));
}

/** Removes the journals of all but the newest hundred runs. */
export async function pruneRuns(directory: string): Promise<void> {
  const journals = await listJournals(directory);
  await Promise.all(journals.slice(KEPT_RUNS).map(({ file }) => rm(file, { force: true })));
}
