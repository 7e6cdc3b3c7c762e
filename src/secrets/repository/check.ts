import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { messageOf } from "#core";
import { prepareToOpen } from "../age/open.ts";
import type { Identity } from "../keys/identity.ts";
import { describeReader } from "../rules/rules.ts";
import { inParallel } from "../in-parallel.ts";
import { CHANGED_KEY_HINT, describeChanged, sortDifference } from "./changed-keys.ts";
import { LOCK_FILE } from "./lock-file.ts";
import { openSecret } from "./open-secret.ts";
import type { Repository, SecretState } from "./repository.ts";
import { ciphertexts, filesBelow, isStale } from "./repository.ts";

/** Something that a check found. */
export interface Finding {
  /** An error fails the check. */
  readonly level: "error" | "warning";
  /** The secret's name, or the file's path from the secrets' folder. */
  readonly name: string;
  readonly what: string;
}

export interface CheckOptions {
  /** Open everything with these. Without them no key is needed. */
  readonly identities?: readonly Identity[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Checks the files against the rules, and the folder for what should not lie in it. */
export async function checkRepository(repository: Repository, options: CheckOptions = {}): Promise<readonly Finding[]> {
  const { rules, secrets, unruled } = repository;
  return [
    ...rules.warnings.map((what): Finding => ({ level: "warning", name: "rules", what })),
    ...secrets.flatMap(findingsOf),
    ...unruled.map((name): Finding => ({ level: "error", name, what: "no rule says who may read it" })),
    ...(await findPlaintext(rules.directory, options)),
    ...(await openAll(secrets, options)),
  ];
}

function findingsOf({ rule, file }: SecretState): Finding[] {
  const { name } = rule;
  if (file === undefined) return [{ level: "error", name, what: "it has a rule and no file" }];
  if (file.problem !== undefined) return [{ level: "error", name, what: file.problem.message }];
  const found: Finding[] = [];
  const { changed, missing, extra: others } = sortDifference(file);
  if (changed.length > 0)
    found.push({ level: "error", name, what: `${describeChanged(changed)}; ${CHANGED_KEY_HINT}` });
  const cannot = missing.map(describeReader).join(", ");
  if (cannot !== "")
    found.push({ level: "error", name, what: `${cannot} cannot read it; skep secrets rekey lets them` });
  const extra = describeKeys(others);
  if (extra !== "") found.push({ level: "error", name, what: `${extra} can read it; skep secrets rekey ends that` });
  const exposed = describeKeys(file.known.exposed ?? {});
  if (exposed !== "") {
    const what = `${exposed} could read what it still says; give it new content, for one with skep secrets rotate`;
    found.push({ level: "error", name, what });
  }
  if (!file.exact && !isStale(file) && file.known.recipients === undefined) {
    const what = "whose its age recipients are cannot be told from the file; skep secrets rekey --all makes it known";
    found.push({ level: "warning", name, what });
  }
  if (file.isForeign) {
    const what = `it was changed without skep, and nobody knows whether it still opens; ${TRY_HINT}`;
    found.push({ level: "warning", name, what });
  }
  const retired = rule.readers.filter((reader) => reader.retired).map(describeReader);
  if (retired.length > 0) found.push({ level: "warning", name, what: `${retired.join(", ")} can still read it` });
  return found;
}

const TRY_HINT = "skep secrets check --identity FILE tries it, skep secrets rekey --all writes it anew";

/** `an unknown key (ssh-ed25519 AbCdEf), host web-1`. */
export function describeKeys(keys: Readonly<Record<string, string>>): string {
  return Object.entries(keys)
    .map(([id, name]) => (name.startsWith("an unknown") ? `${name} (${id})` : name))
    .sort()
    .join(", ");
}

/** What may lie beside the secrets, and what no file may hold. */
const HARMLESS = /^(.*\.(ts|mts|js|mjs|nix|md|pub|json)|\.git(ignore|attributes|keep)|\.editorconfig)$/;
const PRIVATE = /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----|AGE-SECRET-KEY-(PQ-)?1[02-9AC-HJ-NP-Z]{20}/;
const MAX_SCANNED = 1024 * 1024;

async function findPlaintext(directory: string, { signal }: CheckOptions): Promise<Finding[]> {
  const files = (await filesBelow(directory)).filter((file) => !file.endsWith(".age"));
  const found = await inParallel(files, (file) => judge(directory, file), { signal });
  return found.filter((finding) => finding !== undefined);
}

async function judge(directory: string, file: string): Promise<Finding | undefined> {
  if (file === LOCK_FILE) return undefined;
  try {
    const text = (await readFile(join(directory, file))).toString("latin1", 0, MAX_SCANNED);
    if (PRIVATE.test(text)) return { level: "error", name: file, what: "a private key lies in it, for all to read" };
  } catch (error) {
    return { level: "error", name: file, what: `it cannot be read: ${messageOf(error)}` };
  }
  if (HARMLESS.test(basename(file))) return undefined;
  return { level: "error", name: file, what: "it is not encrypted: encrypt it, or keep it elsewhere" };
}

async function openAll(secrets: readonly SecretState[], { identities, signal }: CheckOptions): Promise<Finding[]> {
  if (identities === undefined) return [];
  const there = secrets.filter(({ file }) => file !== undefined && file.problem === undefined);
  await prepareToOpen(ciphertexts(there), identities);
  const found = await inParallel(
    there,
    async ({ rule }): Promise<Finding | undefined> => {
      try {
        using _opened = await openSecret(rule, identities);
        return undefined;
      } catch (error) {
        return { level: "error", name: rule.name, what: messageOf(error) };
      }
    },
    { limit: 8, signal },
  );
  return found.filter((finding) => finding !== undefined);
}
