import { ActivationError } from "#activation";
import type { HostFacts } from "#activation";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import type { HostStore } from "#store";
import { openNixHostStore, openPosixHostStore, serveCommand } from "#store";

/** The two kinds of stores a host can have. */
export type StoreKind = "nix" | "posix";

/**
 * Which store to use on a host: what the hive says, else what was found there. Below a root there is no Nix to speak to.
 * @throws ActivationError `activation/no-nix` when the hive says that there is one and there is none.
 */
export function storeKindOf({ store, target }: Host, { nixVersion }: HostFacts): StoreKind {
  const hasNix = nixVersion !== undefined && target.root === "";
  if (store === "auto") return hasNix ? "nix" : "posix";
  if (store === "posix" || hasNix) return store;
  throw new ActivationError(
    "activation/no-nix",
    'the hive says store: "nix", and the host has no nix-store on its PATH',
    {
      hint: 'install Nix for all users there, or leave store at "auto"',
    },
  );
}

export interface OpenHostStoreOptions {
  readonly kind: StoreKind;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

export function openHostStore({ target }: Host, options: OpenHostStoreOptions): Promise<HostStore> {
  const { kind, connection, signal } = options;
  if (kind === "posix") return openPosixHostStore({ runner: connection.elevated, root: target.root, signal });
  return openNixHostStore({
    roundTripMs: connection.roundTripMs,
    openChannel: (aborted) => connection.elevated.open(serveCommand, { signal: aborted }),
    signal,
  });
}
