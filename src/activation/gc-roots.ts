import type { CommandRunner } from "#core";
import { lastLines, succeeded } from "#core";
import type { StorePath } from "#store";
import { ActivationError } from "./errors.ts";
import { hostLayout } from "./host-layout.ts";
import { runScript, SET_PATH } from "./run-script.ts";

/**
 * Keeps a closure from the host's garbage collector until the next deployment sends another: what was copied may be
 * activated much later. Call it while the copy's channels are open, for those protect the paths until then.
 */
export async function protectClosure(
  runner: CommandRunner,
  { toplevel, signal }: { readonly toplevel: StorePath; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const result = await runScript(runner, { script: PROTECT_SCRIPT, args: [toplevel], signal, timeoutMs: 30_000 });
  if (succeeded(result)) return;
  throw new ActivationError("activation/prepare", `cannot make a GC root on the host: ${lastLines(result)}`, {
    hint: `is ${hostLayout.gcRoots} writable, and the disk not full?`,
  });
}

export const PROTECT_SCRIPT = `${SET_PATH}
roots=${hostLayout.gcRoots}
mkdir -p "$roots" && ln -s "$1" "$roots/.wanted.$$" && mv -f -T "$roots/.wanted.$$" "$roots/wanted" || exit 1
[ -L "$roots/running" ] || ln -s /run/current-system "$roots/running"
`;
