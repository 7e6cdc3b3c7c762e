import type { Hive } from "#hive";
import type { ParseRulesOptions } from "#secrets";
import { knownHostKeys } from "#ssh";
import type { KnownHostKeysOptions, SshTarget } from "#ssh";

type FindHostKeys = NonNullable<ParseRulesOptions["hostKeys"]>;
type KnownKeys = MapValue<Awaited<ReturnType<FindHostKeys>>>;
type MapValue<T> = T extends ReadonlyMap<string, infer Value> ? Value : never;

/** How many configurations of OpenSSH are asked for at a time; each is a process of some milliseconds. */
const AT_ONCE = 16;

/**
 * Finds host keys: the one that the hive states, else those that known_hosts has for the host's target. No host is asked.
 * Without a hive a host is looked for by its name, as `ssh` would.
 */
export function findHostKeys(hive: Hive | undefined, ssh: KnownHostKeysOptions): FindHostKeys {
  const find = async (name: string): Promise<KnownKeys | undefined> => {
    const target = targetOf(name, hive);
    const stated = target?.hostKeys ?? [];
    if (stated.some((key) => /^ssh-(ed25519|rsa) /.test(key))) return { from: "the hive", keys: stated };
    const known = target === undefined ? [] : await knownHostKeys(target, ssh);
    if (known.length > 0) return { from: "known_hosts", keys: known };
    // A key of another type cannot be used; to try it tells why.
    return stated.length > 0 ? { from: "the hive", keys: stated } : undefined;
  };
  return async (names) => {
    const found = new Map<string, KnownKeys>();
    for (let first = 0; first < names.length; first += AT_ONCE) {
      const some = names.slice(first, first + AT_ONCE);
      const keys = await Promise.all(some.map(find));
      some.forEach((name, index) => {
        const known = keys[index];
        if (known !== undefined) found.set(name, known);
      });
    }
    return found;
  };
}

/** Undefined for a host that is not in the hive: its name may be anyone's. */
function targetOf(name: string, hive: Hive | undefined): SshTarget | undefined {
  if (hive === undefined) return { host: name };
  const target = hive.hosts.find((host) => host.name === name)?.target;
  if (target === undefined) return undefined;
  const { host, user, port, hostKey } = target;
  return { host, user, port, hostKeys: hostKey === undefined ? undefined : [hostKey] };
}
