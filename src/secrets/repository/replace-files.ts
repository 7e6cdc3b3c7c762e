import { randomBytes } from "node:crypto";
import { closeSync, fdatasync, mkdirSync, openSync, renameSync, statSync, writeFileSync } from "node:fs";
import { open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { errnoOf, makeFolder, messageOf } from "#core";
import { SecretsError } from "../errors.ts";
import { inParallel } from "../in-parallel.ts";
import type { SecretRule } from "../rules/rules.ts";
import type { KnownFile, Lock, LockEntry } from "./lock-file.ts";
import { readLock, writeLock } from "./lock-file.ts";
import { hashOf, readCiphertext } from "./repository.ts";

/** One file to be written in place of another, or of nothing. */
export interface Replacement {
  readonly rule: SecretRule;
  readonly ciphertext: Buffer;
  readonly entry: Omit<LockEntry, "ciphertext" | "replaces">;
  /** The file that it is made from, as it must still be there; undefined when there must be none. */
  readonly replaces: KnownFile | undefined;
}

/** How far the replacement of files is. */
export type ReplaceStep = "written-aside" | "locked" | "renamed" | "done";

export interface ReplaceOptions {
  readonly onStep?: ((step: ReplaceStep, name: string) => void) | undefined;
}

const ASIDE = /^\.skep-(\d+)-[0-9a-f]+$/;

/**
 * Replaces files: all are written aside and synced, the lock is told, and only then each is renamed into its place. Cut
 * short anywhere, every file is the old one or the new one, whole, and the lock knows both.
 * @throws SecretsError `secrets/changed-meanwhile` when a file is not the one it was, before anything is replaced.
 */
export async function replaceFiles(
  directory: string,
  replacements: readonly Replacement[],
  { onStep = () => undefined }: ReplaceOptions = {},
): Promise<void> {
  await clearLeftovers(directory);
  if (replacements.length === 0) return;
  const aside = join(directory, `.skep-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    await makeFolder(aside);
    await inParallel(replacements, async ({ rule, ciphertext }, index) => {
      await writeSynced(join(aside, String(index)), { bytes: ciphertext, mode: modeOf(rule.file) });
      onStep("written-aside", rule.name);
    });
    await inParallel(replacements, refuseChanged);
    const lock = await readLock(directory);
    await writeLock(directory, { ...lock, ...entriesOf(replacements, { during: true }) });
    onStep("locked", "");
    const folders = new Set<string>();
    const putInPlace = ({ rule }: Replacement, index: number): void => {
      const folder = dirname(rule.file);
      if (!folders.has(folder)) mkdirSync(folder, { recursive: true });
      folders.add(folder);
      renameSync(join(aside, String(index)), rule.file);
      onStep("renamed", rule.name);
    };
    await inParallel(replacements, putInPlace, { limit: 1 });
    await inParallel([...folders], syncFolder);
    await writeLock(directory, { ...lock, ...entriesOf(replacements, { during: false }) });
    onStep("done", "");
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    throw new SecretsError("secrets/file", `cannot write the secrets in ${directory}: ${messageOf(error)}`, {
      hint: "what is not written is as it was: run the same again",
      cause: error,
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function entriesOf(replacements: readonly Replacement[], { during }: { readonly during: boolean }): Lock {
  return Object.fromEntries(
    replacements.map(({ rule, ciphertext, entry, replaces }): [string, LockEntry] => [
      rule.name,
      { ...entry, ciphertext: hashOf(ciphertext), ...(during && replaces !== undefined ? { replaces } : {}) },
    ]),
  );
}

function refuseChanged({ rule, replaces }: Replacement): void {
  const now = readCiphertext(rule.file);
  if ((now === undefined ? undefined : hashOf(now)) === replaces?.ciphertext) return;
  throw new SecretsError("secrets/changed-meanwhile", `${rule.file} was changed while it was worked on`, {
    hint: "nothing was written; start again from what is there now",
  });
}

function modeOf(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.mode ?? 0o644) & 0o777;
}

const datasync = promisify(fdatasync);

/** Only for the disk is waited: several files at once get there together. */
async function writeSynced(
  path: string,
  { bytes, mode }: { readonly bytes: Buffer; readonly mode: number },
): Promise<void> {
  const file = openSync(path, "wx", mode);
  try {
    writeFileSync(file, bytes);
    await datasync(file);
  } finally {
    closeSync(file);
  }
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

/** What a run that was killed left behind: ciphertext, and of no use to anybody. */
async function clearLeftovers(directory: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  for (const name of names) {
    const pid = ASIDE.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(directory, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}
