import { didYouMean } from "#core";
import type { Problems } from "./problems.ts";

/** Keys as they are worked with, whichever way they were written. */
export interface KeysRead {
  readonly keys: readonly string[];
  readonly retired: readonly string[];
}

export interface RuleRead {
  readonly hosts?: readonly string[] | undefined;
  readonly admins?: readonly string[] | undefined;
  readonly recovery?: boolean | undefined;
  readonly armored?: boolean | undefined;
}

/** A secrets file whose every value has the right shape. */
export interface SecretsRead {
  readonly admins: Readonly<Record<string, KeysRead>>;
  readonly recovery: Readonly<Record<string, KeysRead>>;
  readonly hosts: Readonly<Record<string, KeysRead>>;
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly rules: Readonly<Record<string, RuleRead>>;
}

const KEYS = ["admins", "recovery", "hosts", "groups", "rules"] as const;
const RULE_KEYS = ["hosts", "admins", "recovery", "armored"] as const;
const NO_KEYS: KeysRead = { keys: [], retired: [] };

/** Reads what a secrets file exports. What has another shape is a problem, and nothing of it is shown: it may be a secret. */
export function readInput(value: unknown, problems: Problems): SecretsRead {
  const shell = readObject(value, { where: "secrets", expected: "an object made by defineSecrets({ … })", problems });
  refuseUnknown(shell, { known: KEYS, where: "", problems });
  const of = <T>(key: string, read: (value: unknown, where: string) => T): Readonly<Record<string, T>> => {
    const entries = readObject(shell[key] ?? {}, { where: key, expected: "an object, by name", problems });
    return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, read(entry, `${key}.${name}`)]));
  };
  for (const key of ["admins", "rules"]) {
    if (shell[key] === undefined) problems.add(key, "it is missing");
  }
  return {
    admins: of("admins", (entry, where) => readKeys(entry, where, problems)),
    recovery: of("recovery", (entry, where) => readKeys(entry, where, problems)),
    hosts: of("hosts", (entry, where) => readKeys(entry, where, problems)),
    groups: of("groups", (entry, where) => readTexts(entry, { where, expected: "a list of names", problems }) ?? []),
    rules: of("rules", (entry, where) => readRule(entry, where, problems)),
  };
}

function readKeys(value: unknown, where: string, problems: Problems): KeysRead {
  if (typeof value === "string" || Array.isArray(value))
    return { keys: readKeyList(value, where, problems), retired: [] };
  if (typeof value !== "object" || value === null) {
    problems.add(where, "expected a key, a list of keys, or { keys, retired }");
    return NO_KEYS;
  }
  const entry = value as Readonly<Record<string, unknown>>;
  refuseUnknown(entry, { known: ["keys", "retired"], where, problems });
  const retired = entry.retired === undefined ? [] : readKeyList(entry.retired, `${where}.retired`, problems);
  return { keys: readKeyList(entry.keys, `${where}.keys`, problems), retired };
}

function readKeyList(value: unknown, where: string, problems: Problems): readonly string[] {
  if (typeof value === "string") return [value];
  const texts = readTexts(value, { where, expected: "a key or a list of keys", problems });
  if (texts?.length === 0) problems.add(where, "there is no key");
  return texts ?? [];
}

function readRule(value: unknown, where: string, problems: Problems): RuleRead {
  if (Array.isArray(value)) return { hosts: readTexts(value, { where, expected: "a list of hosts", problems }) };
  const rule = readObject(value, {
    where,
    expected: "a list of hosts or { hosts, admins, recovery, armored }",
    problems,
  });
  refuseUnknown(rule, { known: RULE_KEYS, where, problems });
  const names = (key: "hosts" | "admins"): readonly string[] | undefined =>
    rule[key] === undefined
      ? undefined
      : readTexts(rule[key], { where: `${where}.${key}`, expected: "a list of names", problems });
  const flag = (key: "recovery" | "armored"): boolean | undefined => {
    const found = rule[key];
    if (found === undefined || typeof found === "boolean") return found;
    problems.add(`${where}.${key}`, "expected true or false");
    return undefined;
  };
  return { hosts: names("hosts"), admins: names("admins"), recovery: flag("recovery"), armored: flag("armored") };
}

interface Expectation {
  readonly where: string;
  readonly expected: string;
  readonly problems: Problems;
}

function readTexts(value: unknown, { where, expected, problems }: Expectation): readonly string[] | undefined {
  if (Array.isArray(value) && value.every((entry) => typeof entry === "string")) return value;
  problems.add(where, `expected ${expected}`);
  return undefined;
}

function readObject(value: unknown, { where, expected, problems }: Expectation): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  problems.add(where, `expected ${expected}`);
  return {};
}

function refuseUnknown(
  object: Readonly<Record<string, unknown>>,
  {
    known,
    where,
    problems,
  }: { readonly known: readonly string[]; readonly where: string; readonly problems: Problems },
): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue;
    const near = didYouMean(key, known) ?? `known are ${known.join(", ")}`;
    problems.add(where === "" ? key : `${where}.${key}`, `unknown key, ${near}`);
  }
}
