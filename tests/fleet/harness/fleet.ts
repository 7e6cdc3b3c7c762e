import { join } from "node:path";
import { assembleHost } from "./assemble-host.ts";
import type { FleetHostSpec } from "./assemble-host.ts";
import type { FleetClient } from "./client.ts";
import { makeClient, writeClientFiles } from "./client.ts";
import type { FleetHost } from "./host.ts";
import type { Machine } from "./machine.ts";
import type { HostNetwork } from "./network.ts";
import { chooseNetworks, makeNetwork } from "./network.ts";
import { operatorEnvironment } from "./operator.ts";
import { lockRuns, recordRun, removeRun, removeUnderLock, sweepUnderLock } from "./run-record.ts";

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
