import type { KeptGeneration, KeptSecrets } from "#activation";
import type { Reader, Recipient, Repository } from "#secrets";

/** What is still to be done with a key that a host once had, or still has. */
export interface RetiredKey {
  /** Its id: an SSH key's fingerprint. */
  readonly key: string;
  /** The generations with a secret that it opens and that the host's present key does not. */
  readonly neededBy: readonly number[];
  /** Those of which that cannot be told: a header does not name age's own keys. */
  readonly maybeNeededBy: readonly number[];
  /** Whether it is the key that the host has, and none of those that take its place is there. */
  readonly isInUse: boolean;
}

/** The keys of a host, as the rules name them. */
export interface HostKeys {
  readonly current: readonly Recipient[];
  readonly retired: readonly Recipient[];
}

/** The keys that the rules of all secrets name for a host, each once. */
export function keysOfHost({ secrets }: Pick<Repository, "secrets">, host: string): HostKeys {
  const readers = secrets.flatMap(({ rule }) =>
    rule.readers.filter(({ role, name }) => role === "host" && name === host),
  );
  const pick = (wanted: (reader: Reader) => boolean): readonly Recipient[] => [
    ...new Map(readers.filter(wanted).map(({ recipient }) => [recipient.id, recipient])).values(),
  ];
  return { current: pick(({ retired }) => !retired), retired: pick(({ retired }) => retired) };
}

/**
 * Which generations on a host still need each of its retired keys. Needs no private key: only headers are looked at.
 * @param options.wanted the id of the set that the repository has for the host, which its present key is known to open.
 */
export function judgeRetiredKeys(
  { current, retired }: HostKeys,
  { kept, wanted }: { readonly kept: KeptSecrets; readonly wanted: string | undefined },
): readonly RetiredKey[] {
  const others = kept.generations.filter(({ set }) => set !== wanted);
  const has = ({ text }: Recipient): boolean => kept.hostKeys.includes(text);
  return retired.map((key) => {
    const needs = others.map((generation) => ({
      number: generation.number,
      need: needOf(generation, { key, current }),
    }));
    const numbersOf = (wantedNeed: Need): readonly number[] =>
      needs.filter(({ need }) => need === wantedNeed).map(({ number }) => number);
    return {
      key: key.id,
      neededBy: numbersOf("yes"),
      maybeNeededBy: numbersOf("maybe"),
      isInUse: has(key) && !current.some(has),
    };
  });
}

/** What to say of a retired key. */
export function describeRetiredKey({ key, neededBy, maybeNeededBy, isInUse }: RetiredKey): readonly string[] {
  const lines = [
    ...(isInUse
      ? [`its key is still the retired ${key}: put the new one in its place before you take this one out`]
      : []),
    ...(neededBy.length === 0 ? [] : [`${generations(neededBy, "still need")} the retired key ${key}`]),
    ...(maybeNeededBy.length === 0
      ? []
      : [`${generations(maybeNeededBy, "may still need")} the retired key ${key}: headers do not name age's own keys`]),
  ];
  if (lines.length > 0) return lines;
  return [`its retired key ${key} is needed by no generation: take it out of secrets.ts, and rekey`];
}

type Need = "yes" | "maybe" | "no";

interface KeysInQuestion {
  readonly key: Recipient;
  readonly current: readonly Recipient[];
}

function needOf({ secrets }: KeptGeneration, keys: KeysInQuestion): Need {
  const needs = secrets.map(({ readers }) => needOfFile(readers, keys));
  return needs.find((need) => need === "yes") ?? needs.find((need) => need === "maybe") ?? "no";
}

function needOfFile(readers: readonly string[], { key, current }: KeysInQuestion): Need {
  const judge = (recipient: Recipient): Need => {
    if (recipient.tag !== undefined) return readers.includes(`${recipient.kind} ${recipient.tag}`) ? "yes" : "no";
    return readers.some(isUnnamed) ? "maybe" : "no";
  };
  const opensWithCurrent = current.map(judge);
  const opensWithRetired = judge(key);
  if (opensWithRetired === "no" || opensWithCurrent.includes("yes")) return "no";
  return opensWithCurrent.includes("maybe") ? "maybe" : opensWithRetired;
}

function isUnnamed(reader: string): boolean {
  return !reader.startsWith("ssh-") && !reader.endsWith("-grease");
}

function generations(numbers: readonly number[], verb: string): string {
  const one = verb.startsWith("may") ? verb : `${verb}s`;
  return numbers.length === 1 ? `generation ${numbers.join("")} ${one}` : `generations ${numbers.join(", ")} ${verb}`;
}
