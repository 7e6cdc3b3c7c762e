import { join } from "node:path";
import { didYouMean } from "#core";
import { checkReaders } from "./check-readers.ts";
import { readInput } from "./input.ts";
import type { SecretsRead } from "./input.ts";
import { parseKeyring } from "./keyring.ts";
import type { Keyring } from "./keyring.ts";
import { Problems } from "./problems.ts";
import type { Reader, ReaderRole, Rules, SecretRule } from "./rules.ts";

/** The hosts that consume each secret, by the secret's name. */
export type Consumers = Readonly<Record<string, readonly string[]>>;

export interface ParseRulesOptions {
  /** The folder of the secrets file, absolute. */
  readonly directory: string;
  /** The file that is spoken of when something is wrong. */
  readonly file: string;
  /** Which hosts consume which secret, where the hive says so. A consumer that may not read is an error. */
  readonly consumers?: Consumers | undefined;
  /** Host keys that are known elsewhere, by host; asked for when the rules name a host whose key they do not state. */
  readonly hostKeys?: (() => Promise<Readonly<Record<string, string>>>) | undefined;
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
  const keyring = await parseKeyring(input, { hostKeys: await missingKeys(input, options), problems });
  const secrets = Object.entries(input.rules).flatMap(([key, rule]): SecretRule[] => {
    const where = `rules.${key}`;
    const name = secretName(key);
    if (!isSecretName(name)) {
      problems.add(where, "a secret's name is a path below the secrets' folder, of letters, digits and . _ - + @");
      return [];
    }
    const { hosts = consumers?.[name] ?? [], admins, recovery = true, armored = false } = rule;
    const readers = [
      ...resolve(admins ?? Object.keys(input.admins), { role: "admin", keyring, where: `${where}.admins`, problems }),
      ...(recovery ? keyring.recovery : []),
      ...resolve(hosts, { role: "host", keyring, where: `${where}.hosts`, problems }),
    ];
    checkReaders(readers, { where, problems });
    return [{ name, file: join(directory, `${name}.age`), readers, armored }];
  });
  refuseTwice(secrets, problems);
  const warnings = checkConsumers(secrets, consumers, problems);
  problems.throwIfAny(file);
  return { directory, secrets, warnings };
}

/** A secret's name, however it is called: `db/password`, `db/password.age`. */
export function secretName(text: string): string {
  return text.replace(/\.age$/, "");
}

function isSecretName(name: string): boolean {
  return name.length <= 200 && name.split("/").every((part) => /^[\w@+-][\w.@+-]*$/.test(part));
}

/** Asking may take a while, and most secrets files state every key. */
async function missingKeys(
  { rules, groups, admins, hosts }: SecretsRead,
  { hostKeys, consumers = {} }: ParseRulesOptions,
): Promise<Readonly<Record<string, string>>> {
  const named = [
    ...Object.values(rules).map((rule) => rule.hosts ?? []),
    ...Object.values(groups),
    ...Object.values(consumers),
  ];
  const isKnown = (name: string): boolean => name.startsWith("@") || name in hosts || name in admins;
  return hostKeys === undefined || named.flat().every(isKnown) ? {} : await hostKeys();
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
    else problems.add(at, unknownName(name, { role, known: [...known.keys(), ...groupNames(keyring)] }));
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

/** A consumer that may not read fails when it is deployed; a reader that consumes nothing only has more than it needs. */
function checkConsumers(
  secrets: readonly SecretRule[],
  consumers: Consumers | undefined,
  problems: Problems,
): readonly string[] {
  if (consumers === undefined) return [];
  const rules = new Map(secrets.map((secret) => [secret.name, secret]));
  for (const [name, hosts] of Object.entries(consumers)) {
    const rule = rules.get(name);
    if (rule === undefined) {
      problems.add("rules", `there is none for ${name}, which ${hosts.join(", ")} consumes`);
      continue;
    }
    const readers = new Set(hostsOf(rule));
    const without = hosts.filter((host) => !readers.has(host));
    if (without.length > 0)
      problems.add(`rules.${name}.hosts`, `${without.join(", ")} consumes it and may not read it`);
  }
  return secrets.flatMap((secret) => {
    const idle = hostsOf(secret).filter((host) => consumers[secret.name]?.includes(host) !== true);
    return idle.length === 0 ? [] : [`${idle.join(", ")} may read ${secret.name} and does not consume it`];
  });
}

function hostsOf({ readers }: SecretRule): readonly string[] {
  return [...new Set(readers.filter(({ role }) => role === "host").map(({ name }) => name))];
}
