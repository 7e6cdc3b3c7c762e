/**
 * `secrets.lock.json`, committed beside the secrets: who each file was encrypted to, which the files themselves do not
 * tell for age's own recipients, and who once could read what a file still says.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, messageOf, writeFileAtomically } from "#core";
import { SecretsError } from "../errors.ts";

/** Keys by their ids, with the names of their owners. */
export type KeyNames = Readonly<Record<string, string>>;

/** What is known of one file with this very content. */
export interface KnownFile {
  /** `sha256:…` of the file. */
  readonly ciphertext: string;
  /** Whom it is encrypted to; left out where only the file's header is to go by. */
  readonly recipients?: KeyNames | undefined;
  /** Who was a reader of this content and is none any more: rekeying takes back no copy. */
  readonly exposed?: KeyNames | undefined;
}

export interface LockEntry extends KnownFile {
  /** What the file was before: there while it is being replaced, and after that was cut short. */
  readonly replaces?: KnownFile | undefined;
}

/** The entries by the secrets' names. */
export type Lock = Readonly<Record<string, LockEntry>>;

export const LOCK_FILE = "secrets.lock.json";
const VERSION = 1;

/** The lock of a folder; empty where there is none. @throws SecretsError `secrets/lock-file`. */
export async function readLock(directory: string): Promise<Lock> {
  const path = join(directory, LOCK_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return {};
    throw new SecretsError("secrets/file", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    return parseLock(JSON.parse(text) as unknown);
  } catch (error) {
    throw new SecretsError("secrets/lock-file", `cannot read ${path}: ${messageOf(error)}`, {
      hint: "after a merge, take either side: what it does not know is read from the files",
    });
  }
}

/** Writes the lock whole or not at all, sorted, so that diffs are small. */
export async function writeLock(directory: string, lock: Lock): Promise<void> {
  const path = join(directory, LOCK_FILE);
  const secrets = Object.fromEntries(
    Object.keys(lock)
      .sort()
      .map((name) => [name, plain(lock[name])]),
  );
  try {
    await writeFileAtomically(path, `${JSON.stringify({ version: VERSION, secrets }, null, 2)}\n`);
  } catch (error) {
    throw new SecretsError("secrets/file", `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** What the lock knows of a file whose content this is the hash of. */
export function knownFile(entry: LockEntry | undefined, ciphertext: string): KnownFile {
  const known = [entry, entry?.replaces].find((file) => file?.ciphertext === ciphertext);
  // Who changes a file without us may not have changed what it says.
  return known ?? { ciphertext, exposed: entry?.exposed };
}

function parseLock(value: unknown): Lock {
  if (!isObject(value) || !isObject(value.secrets)) throw new Error("it is not a lock file");
  if (value.version !== VERSION) throw new Error(`it is of version ${String(value.version)}, and ${VERSION} is known`);
  for (const [name, entry] of Object.entries(value.secrets)) {
    const replaced = isObject(entry) ? entry.replaces : undefined;
    if (!isKnownFile(entry) || !(replaced === undefined || isKnownFile(replaced))) {
      throw new Error(`its entry for ${name} is malformed`);
    }
  }
  return value.secrets as unknown as Lock;
}

function isKnownFile(value: unknown): boolean {
  if (!isObject(value) || typeof value.ciphertext !== "string") return false;
  return [value.recipients, value.exposed].every(
    (names) =>
      names === undefined || (isObject(names) && Object.values(names).every((name) => typeof name === "string")),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function plain(entry: LockEntry | undefined): unknown {
  if (entry === undefined) return undefined;
  const { replaces } = entry;
  return { ...plainFile(entry), ...(replaces === undefined ? {} : { replaces: plainFile(replaces) }) };
}

function plainFile({ ciphertext, recipients, exposed }: KnownFile): object {
  return {
    ciphertext,
    ...(recipients === undefined ? {} : { recipients: sorted(recipients) }),
    ...(exposed === undefined || Object.keys(exposed).length === 0 ? {} : { exposed: sorted(exposed) }),
  };
}

function sorted(names: KeyNames): KeyNames {
  return Object.fromEntries(Object.entries(names).sort(([a], [b]) => (a < b ? -1 : 1)));
}
