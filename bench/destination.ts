import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FleetHost } from "../tests/fleet/harness/index.ts";

/** The Nix store of a host that copies go to. */
export interface Destination {
  readonly host: FleetHost;
  /** Gives the host a new, empty store, for whichever tool comes next. */
  empty(): Promise<void>;
  /** @throws unless the host has a path. */
  mustHave(path: string): Promise<void>;
}

const STORES = "bench-stores";

/**
 * A store is a folder that the host's own nix.conf names, so that all tools find the same without being told. A new one
 * each time, because copying into a store that has held much is slower.
 */
export async function openDestination(host: FleetHost): Promise<Destination> {
  const configFile = join(host.root, "etc/nix/nix.conf");
  const config = await readFile(configFile, "utf8");
  let count = 0;
  return {
    host,
    async empty() {
      count += 1;
      await rm(join(host.root, STORES), { recursive: true, force: true });
      await writeFile(configFile, `${config}store = /${STORES}/${count}\n`);
      await host.read(["nix-store", "--init"]);
    },
    async mustHave(path) {
      await host.read(["nix-store", "--check-validity", path]);
    },
  };
}
