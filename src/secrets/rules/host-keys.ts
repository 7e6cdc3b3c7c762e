import type { Problems } from "./problems.ts";
import type { Reader } from "./rules.ts";

/** The SSH keys of one host, as they are known beside the secrets file. */
export interface KnownKeys {
  /** Who knows them: `the hive`, `known_hosts`. */
  readonly from: string;
  /** As `ssh-ed25519 AAAA…`, with or without a comment. */
  readonly keys: readonly string[];
}

/** Finds the keys of hosts, by their names. Hosts of which none is known are left out. */
export type FindHostKeys = (hosts: readonly string[]) => Promise<ReadonlyMap<string, KnownKeys>>;

/** What to do about a host without a key, as a hint. */
export const WHERE_KEYS_ARE =
  "state a host's key under hosts in the secrets file, or as hostKey of its target in the hive, " +
  "or run `ssh HOST` once and compare the fingerprint it shows, so that known_hosts has the key";

/** From the best to the least. Others sign and do not decrypt. */
export const USABLE_TYPES: readonly string[] = ["ssh-ed25519", "ssh-rsa"];

/** The key to encrypt to for a host; undefined, and then a problem is added, where it cannot be told. */
export function chooseHostKey(
  host: string,
  { known, problems }: { readonly known: KnownKeys; readonly problems: Problems },
): string | undefined {
  const keys = [...new Set(known.keys.map(withoutComment))];
  const usable = USABLE_TYPES.map((type) => keys.filter((key) => typeOf(key) === type)).find((some) => some.length > 0);
  const [only, ...others] = usable ?? keys;
  if (only === undefined || others.length === 0 || usable === undefined) return only;
  problems.add(
    `hosts.${host}`,
    `${known.from} has ${usable.length} ${typeOf(only)} keys for it: state here which is the right one`,
  );
  return undefined;
}

/** A warning for each host that is stated with another key than is known of it: it may have been installed anew. */
export function findChangedKeys(
  stated: ReadonlyMap<string, readonly Reader[]>,
  known: ReadonlyMap<string, KnownKeys>,
): readonly string[] {
  return [...known].flatMap(([host, { from, keys }]) => {
    const readers = stated.get(host) ?? [];
    const current = new Set(readers.filter(({ retired }) => !retired).map(({ recipient }) => typeOf(recipient.text)));
    const found = keys.map(withoutComment).filter((key) => current.has(typeOf(key)));
    const [other] = found;
    // A key that is stated as retired is one on its way out, and nothing to warn of.
    if (other === undefined || readers.some(({ recipient }) => found.includes(recipient.text))) return [];
    const what = `hosts.${host}: ${from} has another ${typeOf(other)} key for it`;
    return [`${what}; if the host's key changed, put the new one in keys and the old one in retired`];
  });
}

/** A key as it is compared. */
export function withoutComment(key: string): string {
  return key
    .trim()
    .split(/[ \t]+/)
    .slice(0, 2)
    .join(" ");
}

/** `ssh-ed25519`, `ssh-rsa`, … */
export function typeOf(key: string): string {
  return key.split(/[ \t]/, 1).join("");
}
