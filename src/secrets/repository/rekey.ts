import { prepareToOpen } from "../age/open.ts";
import { sealAll } from "../age/seal.ts";
import { SecretsError } from "../errors.ts";
import type { Identity } from "../keys/identity.ts";
import type { PluginOptions } from "../keys/plugins/options.ts";
import { keyNames } from "./compare-readers.ts";
import { inParallel } from "../in-parallel.ts";
import type { KeyNames, LockEntry } from "./lock-file.ts";
import type { OpenedSecret } from "./open-secret.ts";
import { openSecret } from "./open-secret.ts";
import type { Replacement, ReplaceOptions } from "./replace-files.ts";
import { replaceFiles } from "./replace-files.ts";
import type { FileState, Repository, SecretState } from "./repository.ts";
import { ciphertexts, isStale } from "./repository.ts";

/** A secret whose file is to be encrypted anew. */
export interface RekeyStep {
  readonly secret: SecretState & { readonly file: FileState };
}

export interface RekeyOptions extends ReplaceOptions {
  readonly identities: readonly Identity[];
  /** Where the plugins of recipients are, and whom they ask. */
  readonly plugins?: PluginOptions | undefined;
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
  { identities, plugins, signal, onStep }: RekeyOptions,
): Promise<void> {
  const opened: OpenedFile[] = [];
  try {
    const failures: SecretsError[] = [];
    await prepareToOpen(ciphertexts(steps.map(({ secret }) => secret)), identities);
    const files = await inParallel(
      steps,
      async ({ secret }): Promise<OpenedFile | undefined> => {
        try {
          const file = { secret, content: await openSecret(secret.rule, identities) };
          opened.push(file);
          return file;
        } catch (error) {
          if (!(error instanceof SecretsError) || AT_ONCE.has(error.code)) throw error;
          failures.push(error);
          return undefined;
        }
      },
      { limit: 8, signal },
    );
    throwAll(failures, steps.length);
    signal?.throwIfAborted();
    const whole = files.filter((file) => file !== undefined);
    await replaceFiles(rules.directory, await sealAnew(whole, { plugins, signal }), { onStep });
  } finally {
    for (const { content } of opened) content[Symbol.dispose]();
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

interface OpenedFile {
  readonly secret: RekeyStep["secret"];
  readonly content: OpenedSecret;
}

/** What is wrong with an identity, and so with every file. */
const AT_ONCE = new Set(["secrets/passphrase", "secrets/plugin"]);

async function sealAnew(
  files: readonly OpenedFile[],
  options: Pick<RekeyOptions, "plugins" | "signal">,
): Promise<readonly Replacement[]> {
  const sealed = await sealAll(
    files.map(({ secret: { rule }, content }) => ({
      plaintext: content.plaintext.reveal(),
      recipients: rule.readers.map(({ recipient }) => recipient),
      armored: rule.armored,
    })),
    options,
  );
  return files.map(({ secret, content }, index) => ({
    rule: secret.rule,
    ciphertext: sealed[index] ?? Buffer.alloc(0),
    entry: lockEntry(secret, { sameContent: true }),
    replaces: { ...secret.file.known, ciphertext: content.ciphertext },
  }));
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
