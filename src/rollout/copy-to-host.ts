import { protectClosure } from "#activation";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import type { Closure, NarSource } from "#store";
import { copyClosure, openNixHostStore, serveCommand } from "#store";
import { accessTo } from "./activation-scene.ts";
import type { HostLog } from "./host-log.ts";
import type { KeptLease } from "./keep-lease.ts";

/**
 * Sends what the host lacks of a closure, and keeps it there from being collected.
 * @returns how many paths were sent.
 */
export async function copyToHost(
  closure: Closure,
  options: {
    readonly host: Host;
    readonly connection: Connection;
    readonly log: HostLog;
    readonly narSource: NarSource;
    readonly lease: KeptLease;
  },
): Promise<number> {
  const { host, connection, log, narSource, lease } = options;
  const { signal } = lease;
  await using store = await openNixHostStore({
    openChannel: (aborted) => connection.elevated.open(serveCommand, { signal: aborted }),
    signal,
  });
  const copied = await copyClosure(closure, store, {
    narSource,
    substitute: host.substitute,
    signal,
    onProgress: (progress) => {
      log.copyProgress(progress);
    },
  });
  log.copiedPaths = copied.paths;
  log.copiedBytes = copied.bytes;
  await protectClosure(accessTo(host, connection), { toplevel: closure.toplevel, signal });
  return copied.paths;
}
