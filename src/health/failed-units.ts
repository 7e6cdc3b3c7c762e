import { lastLines, succeeded } from "#core";
import type { CheckedHost } from "./checked-host.ts";

const LIST = ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager", "--full"] as const;
const TIMEOUT_MS = 10_000;

/**
 * The names of the host's units in state failed. Those whose file is gone, such as a unit that only the other system
 * has, are nobody's any more and do not count.
 * @throws Error when the host cannot tell.
 */
export async function readFailedUnits(
  { runner }: Pick<CheckedHost, "runner">,
  { signal, timeoutMs = TIMEOUT_MS }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number } = {},
): Promise<readonly string[]> {
  const result = await runner.run([...LIST], { signal, timeoutMs });
  if (!succeeded(result)) throw new Error(`cannot list the failed units: ${lastLines(result, 1)}`);
  return parseFailedUnits(result.stdout);
}

/** Lines of `UNIT LOAD ACTIVE SUB DESCRIPTION`. */
export function parseFailedUnits(text: string): readonly string[] {
  const units: string[] = [];
  for (const line of text.split("\n")) {
    const [unit = "", load, active] = line.trim().split(/\s+/);
    if (active === "failed" && load !== "not-found") units.push(unit);
  }
  return units.sort();
}
