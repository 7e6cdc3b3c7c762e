import type { Host } from "#hive";
import type { Connection } from "#ssh";
import type { HostStore } from "#store";
import type { LogInOptions } from "./log-in.ts";
import { logIn } from "./log-in.ts";
import type { OpenHostStoreOptions } from "./open-host-store.ts";
import { openHostStore } from "./open-host-store.ts";

/** The two places where a rollout touches the outside for a host; a simulation has others. */
export interface HostPorts {
  logIn(host: Host, options: LogInOptions): Promise<Connection>;
  openHostStore(host: Host, options: OpenHostStoreOptions): Promise<HostStore>;
}

export const realPorts: HostPorts = { logIn, openHostStore };
