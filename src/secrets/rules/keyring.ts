import { messageOf } from "#core";
import type { Recipient } from "../keys/recipient.ts";
import { parseRecipient } from "../keys/recipient.ts";
import { chooseHostKey } from "./host-keys.ts";
import type { KnownKeys } from "./host-keys.ts";
import type { KeysRead, SecretsRead } from "./input.ts";
import type { Problems } from "./problems.ts";
import type { Reader, ReaderRole } from "./rules.ts";

/** The keys that rules speak of, by their owners' names. */
export interface Keyring {
  readonly admins: ReadonlyMap<string, readonly Reader[]>;
  readonly recovery: readonly Reader[];
  readonly hosts: ReadonlyMap<string, readonly Reader[]>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads every key of the secrets file, and takes the best of those known elsewhere for hosts it says nothing of; what is
 * wrong with one is a problem at its place.
 */
export async function parseKeyring(
  input: SecretsRead,
  { hostKeys, problems }: { readonly hostKeys: ReadonlyMap<string, KnownKeys>; readonly problems: Problems },
): Promise<Keyring> {
  const hosts: Record<string, KeysRead> = { ...input.hosts };
  for (const [host, known] of hostKeys) {
    if (Object.hasOwn(hosts, host)) continue;
    const key = chooseHostKey(host, { known, problems });
    hosts[host] = { keys: key === undefined ? [] : [key], retired: [] };
  }
  const read = (group: string, role: ReaderRole, entries: Readonly<Record<string, KeysRead>>) =>
    parseGroup(entries, { group, role, problems });
  return {
    admins: await read("admins", "admin", input.admins),
    recovery: [...(await read("recovery", "recovery", input.recovery)).values()].flat(),
    hosts: await read("hosts", "host", hosts),
    groups: new Map(Object.entries(input.groups)),
  };
}

async function parseGroup(
  entries: Readonly<Record<string, KeysRead>>,
  { group, role, problems }: { readonly group: string; readonly role: ReaderRole; readonly problems: Problems },
): Promise<ReadonlyMap<string, readonly Reader[]>> {
  const owners = new Map<string, readonly Reader[]>();
  for (const [name, { keys, retired }] of Object.entries(entries)) {
    const readers: Reader[] = [];
    const texts = [
      ...keys.map((text) => ({ text, retired: false })),
      ...retired.map((text) => ({ text, retired: true })),
    ];
    for (const key of texts) {
      const recipient = await tryParse(key.text, { where: `${group}.${name}`, problems });
      if (recipient !== undefined) readers.push({ role, name, retired: key.retired, recipient });
    }
    owners.set(name, readers);
  }
  return owners;
}

async function tryParse(
  text: string,
  { where, problems }: { readonly where: string; readonly problems: Problems },
): Promise<Recipient | undefined> {
  try {
    return await parseRecipient(text);
  } catch (error) {
    problems.add(where, messageOf(error));
    return undefined;
  }
}
