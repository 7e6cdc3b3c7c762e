/** What a store path's name says of the package it is of, by Nix's rules. */
export interface PackageName {
  /** `openssl` of `openssl-3.0.13-dev`. */
  readonly name: string;
  /** `3.0.13`; empty when the name has none. */
  readonly version: string;
}

/** An output's name at the end, as far as it can be told from a word of the version. */
const OUTPUT = /^(.*)-(?:[a-z]+|lib32|lib64)$/s;

/**
 * Splits the name of a store path as `nix store diff-closures` does: the output goes, and the version begins after the
 * first dash that no letter follows.
 */
export function parsePackageName(storeName: string): PackageName {
  const text = OUTPUT.exec(storeName)?.[1] ?? storeName;
  const dash = /-(?=[^a-zA-Z])/.exec(text)?.index;
  return dash === undefined
    ? { name: text, version: "" }
    : { name: text.slice(0, dash), version: text.slice(dash + 1) };
}

/**
 * Which of two versions is the later one, as `builtins.compareVersions` has it: parts of digits or of other characters,
 * between dots and dashes; numbers are later than words, and `pre` is earlier than anything.
 * @returns less than 0 when `one` is the earlier.
 */
export function compareVersions(one: string, other: string): number {
  const [mine, theirs] = [partsOf(one), partsOf(other)];
  for (let index = 0; index < Math.max(mine.length, theirs.length); index += 1) {
    const [a, b] = [mine[index] ?? "", theirs[index] ?? ""];
    if (isEarlier(a, b)) return -1;
    if (isEarlier(b, a)) return 1;
  }
  return 0;
}

function partsOf(version: string): readonly string[] {
  return version.match(/\d+|[^\d.-]+/g) ?? [];
}

function isEarlier(a: string, b: string): boolean {
  const [numberA, numberB] = [numberOf(a), numberOf(b)];
  if (numberA !== undefined && numberB !== undefined) return numberA < numberB;
  if (a === "" && numberB !== undefined) return true;
  if (a === "pre" && b !== "pre") return true;
  if (b === "pre") return false;
  if (numberB !== undefined) return true;
  if (numberA !== undefined) return false;
  return a < b;
}

function numberOf(part: string): bigint | undefined {
  return /^\d+$/.test(part) ? BigInt(part) : undefined;
}
