import type { HostStore, HostStoreReading, ReadHostStoreOptions } from "#store";
import { StoreError } from "#store";
import { SimulationError } from "../errors.ts";
import { SimulatedConnection } from "./simulated-connection.ts";
import type { SimulatedHost } from "./simulated-host.ts";
import { closuresOf, releaseOf } from "./simulated-systems.ts";

/** The store of a simulated host: has paths or has not, and takes them as fast as its line is. */
export function openSimulatedStore(host: SimulatedHost, connection: unknown): HostStore {
  if (!(connection instanceof SimulatedConnection)) {
    throw new SimulationError("simulation/invalid", "a simulated store needs a simulated connection");
  }
  return {
    queryValidPaths: (paths, { signal }) =>
      connection.ask(
        () => Promise.resolve({ valid: new Set(paths.filter((path) => host.store.has(path))), substituted: new Set() }),
        { signal },
      ),
    async addPaths(infos, { onProgress, signal }) {
      for (const { path, narSize } of infos) {
        await connection.ask(
          async () => {
            await host.work((narSize / host.pace.bytesPerSecond) * 1000);
            if (host.isDiskFull) {
              throw new StoreError("store/disk-full", `adding ${path} failed: No space left on device`, {
                hint: "free space on the host, for example with nix-collect-garbage, and deploy again",
              });
            }
            host.store.add(path);
          },
          { signal },
        );
        onProgress?.({ bytes: narSize, paths: 1 });
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** What a plan asks: the closure of what the host runs, and what it lacks. */
export function readSimulatedStore(
  host: SimulatedHost,
  { connection, toplevel, wanted, signal }: ReadHostStoreOptions & { readonly connection: unknown },
): Promise<HostStoreReading> {
  if (!(connection instanceof SimulatedConnection)) {
    throw new SimulationError("simulation/invalid", "a simulated store needs a simulated connection");
  }
  return connection.ask(
    () =>
      Promise.resolve({
        closure: toplevel === undefined ? undefined : closuresOf(releaseOf(toplevel))(toplevel).paths,
        missing: wanted.filter((path) => !host.store.has(path)),
      }),
    { signal },
  );
}
