import { readFile, stat } from "node:fs/promises";
import type { Clock } from "#core";

/** What was changed so lately could change again without showing it in its times. */
const SETTLED_MS = 1_000;

interface Kept<T> {
  readonly stamp: string;
  readonly content: Promise<T>;
}

/**
 * Reads text files, and keeps what `parse` made of each for as long as the file stays as it was. Rejects as `readFile`
 * does, and with what `parse` throws.
 */
export function createFileCache<T>(
  parse: (text: string, file: string) => T,
  { clock }: { readonly clock: Pick<Clock, "now"> },
): (file: string) => Promise<T> {
  const cache = new Map<string, Kept<T>>();
  return async (file) => {
    // The stamp is taken first: a change between the two makes the next call read again.
    const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(file, { bigint: true });
    const stamp = [dev, ino, size, mtimeNs, ctimeNs].join(":");
    const kept = cache.get(file);
    if (kept?.stamp === stamp) return kept.content;
    const content = readFile(file, "utf8").then((text) => parse(text, file));
    if (clock.now() - Number(ctimeMs) > SETTLED_MS) cache.set(file, { stamp, content });
    else cache.delete(file);
    return content;
  };
}
