import { protectClosure } from "#activation";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import type { Closure, NarSource } from "#store";
import { copyClosure } from "#store";
import { accessTo } from "./activation-scene.ts";
import type { HostLog } from "./host-log.ts";
import type { HostPorts } from "./host-ports.ts";
import type { KeptLease } from "./keep-lease.ts";
import type { StoreKind } from "./open-host-store.ts";

/**
 * Sends what the host lacks of a closure, and keeps it there from being collected.
 * @returns how many paths were sent.
 */
export async function copyToHost(
  closure: Closure,
  options: {
    readonly host: Host;
    readonly storeKind: StoreKind;
    readonly connection: Connection;
    readonly log: HostLog;
    readonly narSource: NarSource;
    readonly lease: KeptLease;
    readonly ports: HostPorts;
  },
): Promise<number> {
  const { host, storeKind, connection, log, narSource, lease, ports } = options;
  const { signal } = lease;
  await using store = await ports.openHostStore(host, { kind: storeKind, connection, signal });
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
