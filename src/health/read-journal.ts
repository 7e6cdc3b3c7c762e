import { succeeded } from "#core";
import type { CheckedHost } from "./checked-host.ts";
import { oneLine } from "./one-line.ts";

const LINES = 5;
const TIMEOUT_MS = 5_000;

/** The last lines that a unit wrote to the host's journal, each with the unit's name before it; none when they cannot be read. */
export async function readJournal(
  unit: string,
  { host, signal }: { readonly host: CheckedHost; readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  try {
    const argv = ["journalctl", "-u", unit, "-n", String(LINES), "--no-pager", "-o", "cat"] as const;
    const result = await host.runner.run([...argv], { signal, timeoutMs: TIMEOUT_MS });
    if (!succeeded(result)) return [];
    const lines = result.stdout.split("\n").map(oneLine);
    return lines
      .filter((line) => line !== "" && line !== "-- No entries --")
      .slice(-LINES)
      .map((line) => `${unit}: ${line}`);
  } catch {
    signal?.throwIfAborted();
    return [];
  }
}
