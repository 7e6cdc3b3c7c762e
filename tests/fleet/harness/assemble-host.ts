import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureBaseImage } from "./base-image.ts";
import { makeHostCgroup } from "./cgroup.ts";
import type { FleetClient } from "./client.ts";
import { makeHostKeys } from "./client.ts";
import { mountDisk } from "./disk.ts";
import { makeHost } from "./host.ts";
import type { FleetHost } from "./host.ts";
import type { ImageName } from "./image-recipe.ts";
import { createMachine } from "./machine.ts";
import type { Machine } from "./machine.ts";
import type { HostNetwork } from "./network.ts";

export interface FleetHostSpec {
  /** The host's name, also its hostname and its name in the fleet's ssh_config. */
  readonly name: string;
  readonly suite: ImageName;
  /** A size such as `"200M"` for a disk that can be full. Without it, the disk of the machine under it. */
  readonly disk?: string | undefined;
  /** Whether the host has `/etc/NIXOS`, and so passes for NixOS with whoever asks that way. */
  readonly nixos?: boolean | undefined;
}

interface HostPlace {
  readonly folder: string;
  readonly client: FleetClient;
  readonly network: HostNetwork;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts a host together, switched off: its disk over the base image, its keys, its configuration, its machine.
 * Its network exists already.
 */
export async function assembleHost(
  { name, suite, disk, nixos = false }: FleetHostSpec,
  { folder, client, network, signal }: HostPlace,
): Promise<FleetHost & { readonly machine: Machine }> {
  const image = await ensureBaseImage(suite, { signal });
  const place = join(folder, "hosts", name);
  const root = await mountDisk(place, { image, size: disk });
  const hostKeys = await makeHostKeys(root, { name });
  await configure(root, { name, network, client, nixos });
  const consoleFile = join(place, "console.log");
  await writeFile(consoleFile, "");
  const machine = createMachine({ name: network.name, root, consoleFile, cgroups: await makeHostCgroup(network.name) });
  const { address, name: machineName } = network;
  const diskIsLimited = disk !== undefined;
  const host = makeHost({
    name,
    suite,
    address,
    machineName,
    hostKeys,
    root,
    consoleFile,
    machine,
    client,
    diskIsLimited,
  });
  return { ...host, machine };
}

interface HostConfiguration {
  readonly name: string;
  readonly network: HostNetwork;
  readonly client: FleetClient;
  readonly nixos: boolean;
}

async function configure(root: string, { name, network, client, nixos }: HostConfiguration): Promise<void> {
  const { address, gateway } = network;
  await writeFile(join(root, "etc/hostname"), `${name}\n`);
  await writeFile(join(root, "etc/hosts"), `127.0.0.1 localhost\n${address} ${name}\n`);
  await writeFile(join(root, "etc/fleet-network"), `ADDRESS=${address}\nGATEWAY=${gateway}\n`);
  for (const home of ["root", "home/deploy"]) {
    await writeFile(join(root, home, ".ssh/authorized_keys"), `${client.publicKey}\n`);
  }
  if (nixos) await writeFile(join(root, "etc/NIXOS"), "");
}
