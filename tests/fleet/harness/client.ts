import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { must } from "./run.ts";

/** What the operator's side needs to log in: files in a home folder of the fleet's own, never the real one. */
export interface FleetClient {
  /** A home folder whose `.ssh` holds the three files; set `HOME` to it for programs that look there. */
  readonly home: string;
  /** An ed25519 key without a passphrase, authorised for `root` and `deploy` on every host. */
  readonly keyFile: string;
  /** An ssh_config with every host by its name. */
  readonly configFile: string;
  /** Every host's keys, by its name and by its address. */
  readonly knownHostsFile: string;
  readonly publicKey: string;
}

/** A host's public keys, each as `type base64`. */
export interface HostKeys {
  readonly ed25519: string;
  readonly rsa: string;
}

export async function makeClient(home: string): Promise<FleetClient> {
  const folder = join(home, ".ssh");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keyFile = join(folder, "id_ed25519");
  const publicKey = await makeKey(keyFile, { type: "ed25519", comment: "fleet" });
  return { home, keyFile, configFile: join(folder, "config"), knownHostsFile: join(folder, "known_hosts"), publicKey };
}

/** Makes the host keys of the system at `root`, which must have none. */
export async function makeHostKeys(root: string, { name }: { readonly name: string }): Promise<HostKeys> {
  const file = (type: string): string => join(root, `etc/ssh/ssh_host_${type}_key`);
  const [ed25519, rsa] = await Promise.all([
    makeKey(file("ed25519"), { type: "ed25519", comment: name }),
    makeKey(file("rsa"), { type: "rsa", bits: 2048, comment: name }),
  ]);
  return { ed25519, rsa };
}

export async function writeClientFiles(
  client: FleetClient,
  hosts: readonly { readonly name: string; readonly address: string; readonly hostKeys: HostKeys }[],
): Promise<void> {
  const entries = hosts.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n`);
  const common = `Host *
  User root
  IdentityFile ${client.keyFile}
  IdentitiesOnly yes
  UserKnownHostsFile ${client.knownHostsFile}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 10
`;
  await writeFile(client.configFile, [...entries, common].join("\n"));
  const known = hosts.flatMap(({ name, address, hostKeys: { ed25519, rsa } }) =>
    [ed25519, rsa].map((key) => `${name},${address} ${key}\n`),
  );
  await writeFile(client.knownHostsFile, known.join(""));
}

async function makeKey(
  file: string,
  { type, bits, comment }: { readonly type: string; readonly bits?: number; readonly comment: string },
): Promise<string> {
  const size = bits === undefined ? [] : ["-b", String(bits)];
  await must(["ssh-keygen", "-q", "-t", type, ...size, "-N", "", "-C", comment, "-f", file]);
  return (await readFile(`${file}.pub`, "utf8")).split(" ").slice(0, 2).join(" ");
}
