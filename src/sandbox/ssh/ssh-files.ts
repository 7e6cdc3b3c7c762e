import { readFile } from "node:fs/promises";
import { errnoOf } from "#core";
import type { SandboxHost } from "../sandbox-host.ts";

/** known_hosts(5) lines of hosts on loopback ports. */
export function formatKnownHosts(hosts: readonly SandboxHost[]): string {
  return hosts.map(({ target }) => `[${target.host}]:${target.port} ${target.hostKey}\n`).join("");
}

/** The ports in a file of such lines, by the hosts' keys; none when there is no file. */
export async function readKnownPorts(path: string): Promise<ReadonlyMap<string, number>> {
  try {
    const lines = (await readFile(path, "utf8")).matchAll(/^\[[^\]]+\]:(\d+) (.+)$/gm);
    return new Map([...lines].map(([, port, hostKey = ""]) => [hostKey, Number(port)]));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return new Map();
    throw error;
  }
}

/** An ssh_config(5) by which `ssh -F … <name>` reaches each host, whatever the user's own says. */
export function formatSshConfig(
  hosts: readonly SandboxHost[],
  { knownHostsFile }: { readonly knownHostsFile: string },
): string {
  return hosts
    .map(
      ({ name, target }) => `Host ${name}
  HostName ${target.host}
  Port ${target.port}
  User ${target.user}
  IdentityFile ${quote(target.identityFile)}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${quote(knownHostsFile)}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  RequestTTY no
`,
    )
    .join("\n");
}

/** A percent sign would begin a token. */
function quote(path: string): string {
  return `"${path.replaceAll("%", "%%")}"`;
}
