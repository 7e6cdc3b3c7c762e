import { succeeded } from "#core";
import type { CheckedHost } from "./checked-host.ts";
import { oneLine } from "./one-line.ts";

/** Enough for what a program says when it dies, and what systemd says of that. */
const LINES = 10;
/** Some are left out, and a unit that is started again and again says the same again and again. */
const READ_LINES = 100;
const TIMEOUT_MS = 5_000;

/** The last lines that a unit wrote to the host's journal, each with the unit's name before it; none when they cannot be read. */
export async function readJournal(
  unit: string,
  { host, signal }: { readonly host: CheckedHost; readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  try {
    const argv = ["journalctl", "-u", unit, "-n", String(READ_LINES), "--no-pager", "-o", "cat"] as const;
    const result = await host.runner.run([...argv], { signal, timeoutMs: TIMEOUT_MS });
    if (!succeeded(result)) return [];
    return lastTelling(result.stdout.split("\n").map(oneLine)).map((line) => `${unit}: ${line}`);
  } catch {
    signal?.throwIfAborted();
    return [];
  }
}

/**
 * The last lines that tell something, each once. A dying Node or Python would fill them with where it was, and the line
 * that says why it died stands before that.
 */
function lastTelling(lines: readonly string[]): readonly string[] {
  const telling = lines.filter(
    (line) => /[\p{L}\p{N}]/u.test(line) && line !== "-- No entries --" && !FRAME.test(line),
  );
  return [...new Set(telling.reverse())].slice(0, LINES).reverse();
}

/** `at load (file:///app/server.mjs:1:7)`, `File "/app/server.py", line 1, in <module>`. */
const FRAME = /^at .*(?::\d+:\d+|\bindex \d+|<anonymous>)\)?(?: \{)?$|^File ".*", line \d+/;
