import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { must, run } from "./run.ts";

/** One host's network: a namespace, and a veth pair whose inner end is `host0`. All carry the same name. */
export interface HostNetwork {
  /** Names the namespace and the outer end of the pair; short enough for the kernel, and the only one on this machine. */
  readonly name: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly address: string;
}

const PREFIX = "skep-";
const FALLBACK_METRIC = "4096";
const NUMBERS = Array.from({ length: 254 }, (_, index) => index + 1);

/**
 * Free networks of this machine, chosen and not yet made. The caller holds the lock of all fleets.
 * @throws when there are not enough.
 */
export async function chooseNetworks(count: number): Promise<readonly HostNetwork[]> {
  const used = await must(["ip", "-4", "route", "show"]);
  const free = NUMBERS.map(networkOf).filter(
    ({ name, subnet }) => !existsSync(`/run/netns/${name}`) && !used.includes(subnet),
  );
  if (free.length < count) throw new Error(`no ${count} free networks for fleet hosts on this machine`);
  return free.slice(0, count);
}

export async function makeNetwork({ name, subnet, gateway, address }: HostNetwork): Promise<void> {
  await must(["ip", "netns", "add", name]);
  await must(["ip", "link", "add", name, "type", "veth", "peer", "name", "host0", "netns", name]);
  await must(["ip", "address", "add", `${gateway}/24`, "dev", name]);
  await must(["ip", "link", "set", name, "up"]);
  // While the cable is out, packets for the host must not leave by this machine's default route.
  await must(["ip", "route", "add", "unreachable", subnet, "metric", FALLBACK_METRIC]);
  // Hosts reach each other through their gateways, so that one can be the jump host of another.
  await writeFile(`/proc/sys/net/ipv4/conf/${name}/forwarding`, "1");
  await must(["ip", "-n", name, "address", "add", `${address}/24`, "dev", "host0"]);
}

/** Pulls or plugs the cable, at the switch's end: nothing inside the host is told but its carrier. */
export async function setCable(name: string, state: "up" | "down"): Promise<void> {
  await must(["ip", "link", "set", name, state]);
}

/** Removes what there is of a network. */
export async function removeNetwork(name: string): Promise<void> {
  const { subnet } = networkOf(Number(name.slice(PREFIX.length)));
  await run(["ip", "route", "delete", "unreachable", subnet, "metric", FALLBACK_METRIC]);
  // The kernel takes a dead namespace's devices away some time later; the name has to be free now.
  await run(["ip", "link", "delete", name]);
  if (existsSync(`/run/netns/${name}`)) await must(["ip", "netns", "delete", name]);
}

function networkOf(number: number): HostNetwork {
  return {
    name: `${PREFIX}${number}`,
    subnet: `10.231.${number}.0/24`,
    gateway: `10.231.${number}.1`,
    address: `10.231.${number}.2`,
  };
}
