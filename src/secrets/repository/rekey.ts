import { sealBytes } from "../age/seal.ts";
import { SecretsError } from "../errors.ts";
import type { Identity } from "../keys/identity.ts";
import { keyNames } from "./compare-readers.ts";
import { inParallel } from "./in-parallel.ts";
import type { KeyNames, LockEntry } from "./lock-file.ts";
import type { OpenedSecret } from "./open-secret.ts";
import { openSecret } from "./open-secret.ts";
import type { Replacement, ReplaceOptions } from "./replace-files.ts";
import { replaceFiles } from "./replace-files.ts";
import type { FileState, Repository, SecretState } from "./repository.ts";
import { isStale } from "./repository.ts";

/** A secret whose file is to be encrypted anew. */
export interface RekeyStep {
  readonly secret: SecretState & { readonly file: FileState };
}

export interface RekeyOptions extends ReplaceOptions {
  readonly identities: readonly Identity[];
  readonly signal?: AbortSignal | undefined;
}

export interface PlanRekeyOptions {
  /** Only these; default: all that have a file. */
  readonly secrets?: readonly SecretState[] | undefined;
  /** Only what this host reads, or reads and should not. */
  readonly host?: string | undefined;
  /** Those whose readers are right, too. */
  readonly all?: boolean | undefined;
}

/** Which files must be encrypted anew: those whose readers are not those of their rule. */
export function planRekey(
  repository: Repository,
  { secrets = repository.secrets, host, all = false }: PlanRekeyOptions = {},
): readonly RekeyStep[] {
  return secrets.flatMap((secret) => {
    const { rule, file } = secret;
    if (file === undefined || !(all || isStale(file) || file.problem !== undefined)) return [];
    return host === undefined || concerns(host, { rule, file }) ? [{ secret: { rule, file } }] : [];
  });
}

/**
 * Encrypts files anew, in two phases: everything is opened in memory first, and when one cannot be, all of those are
 * told and nothing is written.
 * @throws SecretsError `secrets/cannot-open` and others of its kind, listing every file.
 */
export async function rekey(
  { rules }: Repository,
  steps: readonly RekeyStep[],
  { identities, signal, onStep }: RekeyOptions,
): Promise<void> {
  const opened: OpenedSecret[] = [];
  try {
    const failures: SecretsError[] = [];
    const replacements = await inParallel(
      steps,
      async ({ secret }): Promise<Replacement | undefined> => {
        try {
          const content = await openSecret(secret.rule, identities);
          opened.push(content);
          return await sealAnew(secret, content);
        } catch (error) {
          if (!(error instanceof SecretsError) || error.code === "secrets/passphrase") throw error;
          failures.push(error);
          return undefined;
        }
      },
      { limit: 8, signal },
    );
    throwAll(failures, steps.length);
    signal?.throwIfAborted();
    await replaceFiles(
      rules.directory,
      replacements.filter((replacement) => replacement !== undefined),
      { onStep },
    );
  } finally {
    for (const content of opened) content[Symbol.dispose]();
  }
}

/** The entry of a file that was encrypted to its rule's readers, and whom its content is exposed to. */
export function lockEntry(
  { rule, file }: SecretState,
  { sameContent }: { readonly sameContent: boolean },
): Omit<LockEntry, "ciphertext"> {
  const recipients = keyNames(rule.readers);
  if (!sameContent) return { recipients };
  const exposed: KeyNames = { ...file?.known.exposed, ...file?.extra };
  const others = Object.entries(exposed).filter(([id]) => recipients[id] === undefined);
  return { recipients, ...(others.length === 0 ? {} : { exposed: Object.fromEntries(others) }) };
}

async function sealAnew(secret: RekeyStep["secret"], { plaintext, ciphertext }: OpenedSecret): Promise<Replacement> {
  const { rule, file } = secret;
  const sealed = await sealBytes(
    plaintext.reveal(),
    rule.readers.map(({ recipient }) => recipient),
    { armored: rule.armored },
  );
  return {
    rule,
    ciphertext: sealed,
    entry: lockEntry(secret, { sameContent: true }),
    replaces: { ...file.known, ciphertext },
  };
}

function throwAll(failures: readonly SecretsError[], total: number): void {
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1 && total === 1) throw first;
  const lines = failures.map(({ message }) => `  ${message}`).sort();
  throw new SecretsError(
    first.code,
    `cannot rekey: ${failures.length} of ${total} files cannot be opened, and nothing was written:\n${lines.join("\n")}`,
    { hint: first.hint },
  );
}

function concerns(host: string, { rule, file }: RekeyStep["secret"]): boolean {
  const isReader = rule.readers.some(({ role, name }) => role === "host" && name === host);
  return (
    isReader ||
    Object.values(file.extra).some((owner) => owner === `host ${host}` || owner.startsWith(`host ${host} (`))
  );
}
