import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureBaseImage } from "./base-image.ts";
import { makeHostCgroup } from "./cgroup.ts";
import type { FleetClient } from "./client.ts";
import { makeClient, makeHostKeys, writeClientFiles } from "./client.ts";
import { mountDisk } from "./disk.ts";
import { makeHost } from "./host.ts";
import type { FleetHost } from "./host.ts";
import type { ImageName } from "./image-recipe.ts";
import { createMachine } from "./machine.ts";
import type { Machine } from "./machine.ts";
import type { HostNetwork } from "./network.ts";
import { chooseNetworks, makeNetwork } from "./network.ts";
import { operatorEnvironment } from "./operator.ts";
import { lockRuns, recordRun, removeRun, removeUnderLock, sweepUnderLock } from "./run-record.ts";

export interface FleetHostSpec {
  /** The host's name, also its hostname and its name in the fleet's ssh_config. */
  readonly name: string;
  readonly suite: ImageName;
  /** A size such as `"200M"` for a disk that can be full. Without it, the disk of the machine under it. */
  readonly disk?: string | undefined;
  /** Whether the host has `/etc/NIXOS`, and so passes for NixOS with whoever asks that way. */
  readonly nixos?: boolean | undefined;
}

/** Hosts that are up, and the operator's side of them. Disposing ends the hosts and leaves nothing behind. */
export interface Fleet extends AsyncDisposable {
  readonly hosts: readonly FleetHost[];
  /** @throws when the fleet has no such host. */
  host(name: string): FleetHost;
  readonly client: FleetClient;
  /** The environment for the operator's programs: a home of its own, Nix without substituters, and our ssh_config. */
  readonly environment: NodeJS.ProcessEnv;
  /** A folder on the operator's side that goes away with the fleet. */
  readonly folder: string;
}

/**
 * Boots hosts and waits until every one is up, with sshd.
 * Fleets of other processes may run beside it; what killed ones left behind is swept first.
 * @throws when a host does not come up; nothing is left then either.
 */
export async function startFleet(
  specs: readonly FleetHostSpec[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Fleet> {
  const { folder, networks } = await claim(specs.length, { signal });
  const machines: Machine[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(machines.map(async (machine) => machine.powerOff()));
    await removeRun(folder);
  };
  try {
    const client = await makeClient(join(folder, "home"));
    const start = async (spec: FleetHostSpec, index: number): Promise<FleetHost> => {
      const host = await assembleHost(spec, { folder, client, network: at(networks, index), signal });
      machines.push(host.machine);
      await host.powerOn({ signal });
      return host;
    };
    const hosts = await allOrNone(specs.map(start));
    await writeClientFiles(client, hosts);
    return {
      hosts,
      host: (name) => find(hosts, name),
      client,
      environment: operatorEnvironment(client),
      folder,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function claim(
  count: number,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<{ readonly folder: string; readonly networks: readonly HostNetwork[] }> {
  await using _lock = await lockRuns({ signal });
  await sweepUnderLock();
  const networks = await chooseNetworks(count);
  const folder = await recordRun(networks.map(({ name }) => name));
  // Made under the lock: from here on their names are taken.
  try {
    for (const network of networks) await makeNetwork(network);
  } catch (error) {
    await removeUnderLock(folder);
    throw error;
  }
  return { folder, networks };
}

interface HostPlace {
  readonly folder: string;
  readonly client: FleetClient;
  readonly network: HostNetwork;
  readonly signal?: AbortSignal | undefined;
}

async function assembleHost(
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

/** Waits for all, also when some fail: what is still starting cannot be taken down. */
async function allOrNone<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

function find(hosts: readonly FleetHost[], name: string): FleetHost {
  const host = hosts.find((candidate) => candidate.name === name);
  if (host === undefined) throw new Error(`this fleet has no host ${name}`);
  return host;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index} of ${items.length}`);
  return item;
}
