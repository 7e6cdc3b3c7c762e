import { join } from "node:path";
import { didYouMean } from "#core";
import { checkReaders } from "./check-readers.ts";
import { checkConsumers, openersOf } from "./consumers.ts";
import type { Consumers } from "./consumers.ts";
import { findChangedKeys, WHERE_KEYS_ARE } from "./host-keys.ts";
import type { FindHostKeys, KnownKeys } from "./host-keys.ts";
import { readInput } from "./input.ts";
import type { SecretsRead } from "./input.ts";
import { parseKeyring } from "./keyring.ts";
import type { Keyring } from "./keyring.ts";
import { Problems } from "./problems.ts";
import type { Reader, ReaderRole, Rules, SecretRule } from "./rules.ts";

export type { Consumers } from "./consumers.ts";

export interface ParseRulesOptions {
  /** The folder of the secrets file, absolute. */
  readonly directory: string;
  /** The file that is spoken of when something is wrong. */
  readonly file: string;
  /**
   * Which hosts consume which secret, where the hive says so. They read a secret whose rule names no hosts; one that
   * opens a secret and may not read it is an error.
   */
  readonly consumers?: Consumers | undefined;
  /** Host keys that are known elsewhere; asked for when the rules name a host whose key they do not state. */
  readonly hostKeys?: FindHostKeys | undefined;
  /** Also ask for the keys of hosts that are stated, and warn of those that differ. */
  readonly compareHostKeys?: boolean | undefined;
}

/**
 * What `defineSecrets` was given → the rules.
 * @throws SecretsError `secrets/rules` with every problem on a line of its own.
 */
export async function parseRules(definition: unknown, options: ParseRulesOptions): Promise<Rules> {
  const { directory, file, consumers } = options;
  const problems = new Problems();
  const input = readInput(definition, problems);
  problems.throwIfAny(file);
  const known = await findKeys(input, options);
  const keyring = await parseKeyring(input, { hostKeys: known, problems });
  const secrets = Object.entries(input.rules).flatMap(([key, rule]): SecretRule[] => {
    const where = `rules.${key}`;
    const name = secretName(key);
    if (!isSecretName(name)) {
      problems.add(where, "a secret's name is a path below the secrets' folder, of letters, digits and . _ - + @");
      return [];
    }
    const { hosts = openersOf(name, consumers ?? []), admins, recovery = true, armored = false } = rule;
    const readers = [
      ...resolve(admins ?? Object.keys(input.admins), { role: "admin", keyring, where: `${where}.admins`, problems }),
      ...(recovery ? keyring.recovery : []),
      ...resolve(hosts, { role: "host", keyring, where: `${where}.hosts`, problems }),
    ];
    checkReaders(readers, { where, problems });
    return [{ name, file: join(directory, `${name}.age`), readers, armored }];
  });
  refuseTwice(secrets, problems);
  const warnings = consumers === undefined ? [] : checkHosts(secrets, { consumers, problems });
  problems.throwIfAny(file);
  return { directory, secrets, warnings: [...warnings, ...findChangedKeys(keyring.hosts, known)] };
}

/** A secret's name, however it is called: `db/password`, `db/password.age`. */
export function secretName(text: string): string {
  return text.replace(/\.age$/, "");
}

function isSecretName(name: string): boolean {
  return name.length <= 200 && name.split("/").every((part) => /^[\w@+-][\w.@+-]*$/.test(part));
}

async function findKeys(
  input: SecretsRead,
  { consumers = [], hostKeys, compareHostKeys = false }: ParseRulesOptions,
): Promise<ReadonlyMap<string, KnownKeys>> {
  const hosts = [...hostsWithoutKey(input, consumers), ...(compareHostKeys ? Object.keys(input.hosts) : [])];
  return hostKeys === undefined || hosts.length === 0 ? new Map() : hostKeys(hosts);
}

/** Hosts that are spoken of and whose keys the secrets file does not state. Asking for them may take a while. */
function hostsWithoutKey({ rules, groups, admins, hosts }: SecretsRead, consumers: Consumers): readonly string[] {
  const members = Object.values(groups).flat();
  const named = [
    ...Object.values(rules).flatMap((rule) => rule.hosts ?? []),
    ...members.filter((name) => !Object.hasOwn(admins, name)),
    ...consumers.filter(({ open }) => open === "host").map(({ host }) => host),
  ];
  return [...new Set(named)].filter((name) => !name.startsWith("@") && !Object.hasOwn(hosts, name));
}

interface Resolution {
  readonly role: ReaderRole & ("admin" | "host");
  readonly keyring: Keyring;
  readonly where: string;
  readonly problems: Problems;
}

/** The keys of these names, groups opened up, nobody twice. */
function resolve(names: readonly string[], { role, keyring, where, problems }: Resolution): readonly Reader[] {
  const known = role === "admin" ? keyring.admins : keyring.hosts;
  const found = new Map<string, readonly Reader[]>();
  const add = (name: string, at: string): void => {
    const readers = known.get(name);
    if (readers !== undefined) found.set(name, readers);
    else {
      const what = unknownName(name, { role, known: [...known.keys(), ...groupNames(keyring)] });
      problems.add(at, what, { hint: role === "host" ? WHERE_KEYS_ARE : undefined });
    }
  };
  for (const name of names) {
    if (!name.startsWith("@")) {
      add(name, where);
      continue;
    }
    const members = keyring.groups.get(name.slice(1));
    if (members === undefined) problems.add(where, unknownName(name, { role, known: groupNames(keyring) }));
    for (const member of members ?? []) add(member, `groups.${name.slice(1)}`);
  }
  return [...found.values()].flat();
}

function groupNames({ groups }: Keyring): readonly string[] {
  return [...groups.keys()].map((name) => `@${name}`);
}

function unknownName(
  name: string,
  { role, known }: { readonly role: string; readonly known: readonly string[] },
): string {
  const near = didYouMean(name, known);
  const what = name.startsWith("@") ? `there is no group ${name}` : `no key is known for the ${role} ${name}`;
  return near === undefined ? what : `${what}, ${near}`;
}

function refuseTwice(secrets: readonly SecretRule[], problems: Problems): void {
  const seen = new Set<string>();
  for (const { name } of secrets) {
    if (seen.has(name)) problems.add(`rules.${name}`, "there are two rules for it");
    seen.add(name);
  }
}

function checkHosts(
  secrets: readonly SecretRule[],
  { consumers, problems }: { readonly consumers: Consumers; readonly problems: Problems },
): readonly string[] {
  const readers = secrets.map(({ name, readers }) => {
    const hosts = readers.filter(({ role }) => role === "host").map((reader) => reader.name);
    return [name, { where: `rules.${name}.hosts`, hosts: new Set(hosts) }] as const;
  });
  return checkConsumers(consumers, { readers: new Map(readers), problems });
}
