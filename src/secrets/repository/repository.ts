import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { didYouMean, errnoOf, messageOf } from "#core";
import { inspectBytes } from "../age/open.ts";
import { SecretsError } from "../errors.ts";
import { secretName } from "../rules/parse-rules.ts";
import type { Rules, SecretRule } from "../rules/rules.ts";
import type { Difference } from "./compare-readers.ts";
import { compareReaders } from "./compare-readers.ts";
import { inParallel } from "../in-parallel.ts";
import type { KnownFile, Lock } from "./lock-file.ts";
import { knownFile, readLock } from "./lock-file.ts";

/** One secret as it is found. */
export interface SecretState {
  readonly rule: SecretRule;
  /** Undefined when there is no file. */
  readonly file: FileState | undefined;
}

export interface FileState extends Difference {
  readonly known: KnownFile;
  /** Whether the lock knows another content: the file was written, or damaged, without us. */
  readonly isForeign: boolean;
  /** Why the file is no age file. */
  readonly problem?: SecretsError | undefined;
}

/** The rules and the files they are about, as they were when they were read. */
export interface Repository {
  readonly rules: Rules;
  readonly lock: Lock;
  /** In the order of the rules. */
  readonly secrets: readonly SecretState[];
  /** Names of files without a rule. */
  readonly unruled: readonly string[];
}

/** Reads every file that a rule names, and the lock. Needs no key. */
export async function readRepository(
  rules: Rules,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Repository> {
  const [lock, files] = await Promise.all([readLock(rules.directory), filesBelow(rules.directory)]);
  const secrets = await inParallel(rules.secrets, (rule) => readState(rule, lock), { signal });
  const ruled = new Set(rules.secrets.map(({ file }) => file));
  const unruled = files.filter((file) => file.endsWith(".age") && !ruled.has(join(rules.directory, file)));
  return { rules, lock, secrets, unruled: unruled.map(secretName) };
}

/**
 * The secret that a name or a path means.
 * @param options.cwd what paths start from.
 * @throws SecretsError `secrets/no-such-secret`.
 */
export function findSecret(
  { rules, secrets }: Repository,
  { text, cwd }: { readonly text: string; readonly cwd: string },
): SecretState {
  const path = join(cwd, text);
  const names = [secretName(text), secretName(relative(rules.directory, path))];
  const found = secrets.find(({ rule }) => names.includes(rule.name) || rule.file === path || rule.file === text);
  if (found !== undefined) return found;
  throw new SecretsError("secrets/no-such-secret", `there is no rule for "${text}"`, {
    hint:
      didYouMean(
        secretName(text),
        secrets.map(({ rule }) => rule.name),
      ) ?? "add one to the secrets file first: it says who may read",
  });
}

/** Whether others may read the file than its rule says. */
export function isStale({ missing, extra }: Difference): boolean {
  return missing.length > 0 || Object.keys(extra).length > 0;
}

/**
 * A file's bytes; undefined where there is none. It reads at once: files are small and many, and to wait for each takes
 * ten times as long.
 * @throws SecretsError `secrets/file`.
 */
export function readCiphertext(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new SecretsError("secrets/file", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** The bytes of the files that there are, one after another. */
export function* ciphertexts(secrets: readonly SecretState[]): Generator<Buffer, void, undefined> {
  for (const { rule } of secrets) {
    const bytes = readCiphertext(rule.file);
    if (bytes !== undefined) yield bytes;
  }
}

/** What the lock knows a file by. */
export function hashOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function readState(rule: SecretRule, lock: Lock): SecretState {
  const bytes = readCiphertext(rule.file);
  if (bytes === undefined) return { rule, file: undefined };
  const entry = lock[rule.name];
  const known = knownFile(entry, hashOf(bytes));
  const isForeign = entry !== undefined && known !== entry && known !== entry.replaces;
  try {
    const { stanzas } = inspectBytes(bytes);
    return { rule, file: { known, isForeign, ...compareReaders(rule.readers, { known, stanzas }) } };
  } catch (error) {
    if (!(error instanceof SecretsError)) throw error;
    return { rule, file: { known, isForeign, missing: [], extra: {}, exact: false, problem: error } };
  }
}

/** Paths from `directory`, sorted; hidden folders and dependencies apart. */
export async function filesBelow(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
    return files.filter((file) => !/(^|\/)(\.git|\.skep[^/]*|node_modules)\//.test(file)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw new SecretsError("secrets/file", `cannot list ${directory}: ${messageOf(error)}`, { cause: error });
  }
}
