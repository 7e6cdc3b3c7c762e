import { didYouMean } from "#core";
import type { Problems } from "./problems.ts";

/** One host's use of one secret, as the hive has it. */
export interface Consumer {
  /** The secret's name. */
  readonly secret: string;
  readonly host: string;
  /** Who opens it: the host, which must be able to read it then, or skep before it is sent. */
  readonly open: "host" | "operator";
}

export type Consumers = readonly Consumer[];

/** The hosts that open a secret themselves, each once. */
export function openersOf(secret: string, consumers: Consumers): readonly string[] {
  const hosts = consumers.filter((consumer) => consumer.secret === secret && consumer.open === "host");
  return [...new Set(hosts.map(({ host }) => host))];
}

/** What the rules say of one secret, as far as hosts are concerned. */
export interface HostReaders {
  /** Where the rules say it. */
  readonly where: string;
  readonly hosts: ReadonlySet<string>;
  /** Hosts of which it cannot be told, as too little is known of their keys. */
  readonly unsure?: ReadonlySet<string> | undefined;
}

export interface CheckConsumersOptions {
  /** By the secrets' names. */
  readonly readers: ReadonlyMap<string, HostReaders>;
  readonly problems: Problems;
}

/**
 * Compares who consumes with who may read. A host that opens a secret and may not read it would fail when it is
 * deployed: a problem. A host that may read what it does not open has more than it needs: a warning.
 * @returns the warnings.
 */
export function checkConsumers(consumers: Consumers, { readers, problems }: CheckConsumersOptions): readonly string[] {
  const bySecret = groupBySecret(consumers);
  const warnings: string[] = [];
  for (const [secret, uses] of bySecret) {
    const rule = readers.get(secret);
    if (rule === undefined) {
      problems.add("rules", noRule(secret, { hosts: [...uses.keys()], known: readers.keys() }));
      continue;
    }
    const without = [...uses].flatMap(([host, open]) => (open === "host" && !rule.hosts.has(host) ? [host] : []));
    const cannot = without.filter((host) => rule.unsure?.has(host) !== true);
    if (cannot.length > 0) problems.add(rule.where, `it is consumed by ${listed(cannot)}, which may not read it`);
    for (const host of without) {
      if (cannot.includes(host)) continue;
      warnings.push(`whether ${host}, which consumes ${secret}, may read it cannot be told: its key is not known`);
    }
  }
  for (const [secret, { hosts }] of readers) {
    const uses = bySecret.get(secret);
    const idle = [...hosts].filter((host) => uses?.get(host) === undefined);
    if (idle.length > 0) warnings.push(`${listed(idle)} may read ${secret} without consuming it`);
    const served = [...hosts].filter((host) => uses?.get(host) === "operator");
    if (served.length > 0) {
      warnings.push(
        `${listed(served)} may read ${secret}, which the operator opens there and no host should be able to`,
      );
    }
  }
  return warnings;
}

function groupBySecret(consumers: Consumers): ReadonlyMap<string, ReadonlyMap<string, Consumer["open"]>> {
  const bySecret = new Map<string, Map<string, Consumer["open"]>>();
  for (const { secret, host, open } of consumers) {
    const uses = bySecret.get(secret) ?? new Map<string, Consumer["open"]>();
    bySecret.set(secret, uses.set(host, open));
  }
  return bySecret;
}

function noRule(
  secret: string,
  { hosts, known }: { readonly hosts: readonly string[]; readonly known: Iterable<string> },
): string {
  const what = `there is none for ${secret}, which is consumed by ${listed(hosts)}`;
  const near = didYouMean(secret, known);
  return near === undefined ? what : `${what}; ${near}`;
}

function listed(hosts: readonly string[]): string {
  return hosts.join(", ");
}
