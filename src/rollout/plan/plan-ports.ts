import type { Host } from "#hive";
import type { Connection } from "#ssh";
import type { HostStoreReading, ReadHostStoreOptions, StorePath } from "#store";
import { readNixHostStore, readOnlyServeCommand, readPosixHostStore } from "#store";
import type { HostPorts } from "../host/host-ports.ts";
import { logIn } from "../host/log-in.ts";
import type { StoreKind } from "../host/open-host-store.ts";
import type { LocalSystem } from "./local-system.ts";
import { readLocalSystem } from "./local-system.ts";

/** Where a plan touches the outside for a host; a simulation has others. */
export interface PlanPorts extends Pick<HostPorts, "logIn"> {
  readHostStore(
    host: Host,
    options: ReadHostStoreOptions & { readonly kind: StoreKind; readonly connection: Connection },
  ): Promise<HostStoreReading>;
  readLocalSystem(toplevel: StorePath): Promise<LocalSystem>;
}

export const realPlanPorts: PlanPorts = {
  logIn,
  readLocalSystem,
  readHostStore({ target }, { kind, connection, ...question }) {
    const runner = connection.elevated;
    if (kind === "posix") return readPosixHostStore({ ...question, runner, root: target.root });
    const openChannel = (signal?: AbortSignal) => runner.open(readOnlyServeCommand, { signal });
    return readNixHostStore({ ...question, openChannel });
  },
};
