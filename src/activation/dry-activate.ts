import { describeExit, lastLines, succeeded } from "#core";
import type { StorePath } from "#store";
import { ActivationError } from "./errors.ts";
import type { HostAccess } from "./host-access.ts";

/**
 * Lets the host say what activating a system would do; changes nothing.
 * @throws ActivationError `activation/dry-activate`.
 */
export async function dryActivate(
  { runner, root }: HostAccess,
  options: {
    readonly toplevel: StorePath;
    readonly timeoutMs: number;
    readonly onLogLine?: ((line: string) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const { toplevel, timeoutMs, onLogLine, signal } = options;
  const result = await runner.run(
    ["env", `SKEP_ROOT=${root}`, `${root}${toplevel}/bin/switch-to-configuration`, "dry-activate"],
    {
      timeoutMs,
      signal,
      onStdoutLine: onLogLine,
    },
  );
  for (const line of result.stderr.split("\n")) if (line !== "") onLogLine?.(line);
  if (succeeded(result)) return;
  throw new ActivationError(
    "activation/dry-activate",
    `switch-to-configuration dry-activate ended with ${describeExit(result.exit)}: ${lastLines(result)}`,
    { hint: "its output above says what it met" },
  );
}
