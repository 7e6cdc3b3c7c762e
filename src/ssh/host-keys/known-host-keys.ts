import type { SettingsOptions } from "../config/settings.ts";
import { resolveSettings } from "../config/settings.ts";
import type { SshTarget } from "../target.ts";
import { readKnownHosts } from "./host-key-check.ts";
import { keysKnownFor } from "./known-hosts.ts";

export type KnownHostKeysOptions = SettingsOptions;

/** The types that can be encrypted to. */
const TYPES: ReadonlySet<string> = new Set(["ssh-ed25519", "ssh-rsa"]);

/**
 * The keys that known_hosts has for a host, as `ssh-ed25519 AAAA…`, those of Ed25519 and RSA that are not revoked; in the
 * order of the files, each once. Asks the files that ssh_config names and never the host. A key known for the host's name
 * alone counts for port 22 alone: nobody looks whether another port of the same name shows it.
 * @throws SshError when ssh_config is wrong or a known_hosts file cannot be read.
 */
export async function knownHostKeys(target: SshTarget, options: KnownHostKeysOptions = {}): Promise<readonly string[]> {
  const { hosts, name, plainName } = await readKnownHosts(await resolveSettings(target, options), options.files);
  const revoked = hosts.filter((host) => host.marker === "revoked" && (host.matches(name) || host.matches(plainName)));
  const keys = keysKnownFor(hosts, name).map(({ key }) => key);
  const usable = keys.filter(({ type, blob }) => TYPES.has(type) && !revoked.some(({ key }) => key.blob.equals(blob)));
  return [...new Set(usable.map(({ type, blob }) => `${type} ${blob.toString("base64")}`))];
}
