import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Fleet } from "../tests/fleet/harness/index.ts";
import { startDelayProxy } from "../tests/fleet/harness/index.ts";

/** The way to the hosts of a fleet. */
export interface Line extends AsyncDisposable {
  /** An ssh_config that leads to every host by its name. */
  readonly configFile: string;
}

/** Puts proxies that delay every byte in front of all hosts; at no delay there is nothing in between. */
export async function openLine(fleet: Fleet, roundTripMs: number): Promise<Line> {
  if (roundTripMs === 0) return { configFile: fleet.client.configFile, [Symbol.asyncDispose]: () => Promise.resolve() };
  const proxies: AsyncDisposable[] = [];
  const entries: string[] = [];
  for (const { name, address } of fleet.hosts) {
    const proxy = await startDelayProxy({ target: { host: address, port: 22 }, oneWayMs: roundTripMs / 2 });
    proxies.push(proxy);
    entries.push(`Host ${name}\n  HostName ${proxy.host}\n  Port ${proxy.port}\n  HostKeyAlias ${name}\n`);
  }
  const configFile = join(fleet.folder, `ssh-config-${roundTripMs}`);
  await writeFile(configFile, [...entries, await readFile(fleet.client.configFile, "utf8")].join("\n"));
  return {
    configFile,
    async [Symbol.asyncDispose]() {
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    },
  };
}
