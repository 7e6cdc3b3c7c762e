import { lastLines, succeeded } from "#core";
import type { StorePath } from "#store";
import { ActivationError } from "./errors.ts";
import { hostLayout } from "./host-layout.ts";
import type { HostAccess } from "./host-access.ts";
import { runScript } from "./host-access.ts";

/**
 * Keeps a closure from the host's garbage collector until the next deployment sends another: what was copied may be
 * activated much later. Call it while the copy's channels are open, for those protect the paths until then.
 */
export async function protectClosure(
  access: HostAccess,
  { toplevel, signal }: { readonly toplevel: StorePath; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const result = await runScript(access, { script: PROTECT_SCRIPT, args: [toplevel], signal, timeoutMs: 30_000 });
  if (succeeded(result)) return;
  throw new ActivationError("activation/prepare", `cannot make a GC root on the host: ${lastLines(result)}`, {
    hint: `is ${hostLayout.gcRoots} writable, and the disk not full?`,
  });
}

export const PROTECT_SCRIPT = `
roots=$root${hostLayout.gcRoots}
mkdir -p "$roots" && replace_link "$1" "$roots/wanted" || exit 1
[ -L "$roots/running" ] || ln -s /run/current-system "$roots/running"
`;
