import type { SandboxHost } from "./sandbox-host.ts";

/** known_hosts(5) lines of hosts on loopback ports. */
export function formatKnownHosts(hosts: readonly SandboxHost[]): string {
  return hosts.map(({ target }) => `[${target.host}]:${target.port} ${target.hostKey}\n`).join("");
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
