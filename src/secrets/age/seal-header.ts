import { randomBytes } from "node:crypto";
import { SecretsError } from "../errors.ts";
import { inParallel } from "../in-parallel.ts";
import type { PluginOptions } from "../keys/plugins/options.ts";
import { FILE_KEY_LENGTH, formatHeader, headerEnd, parseHeader } from "./header-text.ts";
import { loadAge } from "./library.ts";
import type { FileKeyWrapper, Stanza, WrappedByProgram, WrappingProgram } from "./stanza.ts";

/** Those who are to read one file. */
export type Recipients = readonly FileKeyWrapper[];

export interface SealedHeader {
  readonly header: Buffer;
  readonly fileKey: Buffer;
}

export interface SealHeaderOptions {
  /** Where the plugins of recipients that need some are, and whom they ask. */
  readonly plugins?: PluginOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

const POST_QUANTUM = "postquantum";

/**
 * Makes a file key for each file, and the header that gives it to the file's recipients. Programs are asked once for all
 * files that have the same recipients of theirs.
 * @throws SecretsError `secrets/recipients` when there are none, so that nobody could open a file, or when some may not
 * share a file: post-quantum and classic ones would make it as weak as the weaker. `secrets/plugin` when a program fails.
 */
export async function sealHeaders<const Files extends readonly Recipients[]>(
  files: Files,
  { plugins, signal }: SealHeaderOptions = {},
): Promise<{ readonly [Index in keyof Files]: SealedHeader }> {
  for (const recipients of files) refuseTogether(recipients);
  const begun = await inParallel(files, beginHeader, { signal });
  const programs = await askPrograms(begun, plugins);
  const finish = (file: BegunHeader): SealedHeader => finishHeader(file, programs.get(file) ?? []);
  const sealed: readonly SealedHeader[] = await inParallel(begun, finish, { signal });
  return sealed as { readonly [Index in keyof Files]: SealedHeader };
}

interface BegunHeader {
  readonly recipients: Recipients;
  readonly fileKey: Buffer;
  /** Those of age's own recipients. */
  readonly native: readonly Stanza[];
}

/** A file key, and the stanzas of age's own recipients, which the library makes together. */
async function beginHeader(recipients: Recipients): Promise<BegunHeader> {
  const native = recipients.flatMap(({ wrap }) => (typeof wrap === "string" ? [wrap] : []));
  if (native.length === 0) return { recipients, fileKey: randomBytes(FILE_KEY_LENGTH), native: [] };
  const { Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  let fileKey = Buffer.alloc(0);
  encrypter.addRecipient({
    // The library makes the file key; this is how to see it.
    wrapFileKey(key) {
      fileKey = Buffer.from(key);
      return [];
    },
  });
  for (const text of native) encrypter.addRecipient(text);
  const file = Buffer.from(await encrypter.encrypt(new Uint8Array(0)));
  const { stanzas } = parseHeader(file.subarray(0, headerEnd(file)));
  return { recipients, fileKey, native: stanzas };
}

function finishHeader({ recipients, fileKey, native }: BegunHeader, wrapped: readonly Stanza[]): SealedHeader {
  const own = recipients.flatMap(({ wrap }) => (typeof wrap === "function" ? [wrap(fileKey)] : []));
  return { header: formatHeader([...native, ...own, ...wrapped], fileKey), fileKey };
}

interface ProgramTask {
  readonly program: WrappingProgram;
  readonly recipients: readonly string[];
  readonly files: BegunHeader[];
}

/** What programs wrapped, by file. One program after the other: they may have to ask somebody. */
async function askPrograms(
  files: readonly BegunHeader[],
  plugins: PluginOptions | undefined,
): Promise<ReadonlyMap<BegunHeader, readonly Stanza[]>> {
  const made = new Map<BegunHeader, WrappedByProgram[]>();
  for (const { program, recipients, files: those } of tasksOf(files)) {
    const { stanzas, labels } = await program.wrapAll(
      those.map(({ fileKey }) => fileKey),
      { recipients, plugins },
    );
    for (const [index, file] of those.entries()) {
      made.set(file, [...(made.get(file) ?? []), { stanzas: [stanzas[index] ?? []], labels }]);
    }
  }
  for (const [{ recipients }, wrapped] of made) refuseLabels(recipients, wrapped);
  return new Map([...made].map(([file, wrapped]) => [file, wrapped.flatMap(({ stanzas }) => stanzas.flat())]));
}

function tasksOf(files: readonly BegunHeader[]): readonly ProgramTask[] {
  const tasks = new Map<string, ProgramTask>();
  for (const file of files) {
    const programs = new Map<string, WrappingProgram[]>();
    for (const { wrap } of file.recipients) {
      if (typeof wrap === "object") programs.set(wrap.program, [...(programs.get(wrap.program) ?? []), wrap]);
    }
    for (const [name, [program, ...others]] of programs) {
      if (program === undefined) continue;
      const recipients = [program, ...others].map(({ recipient }) => recipient).sort();
      const key = JSON.stringify([name, recipients]);
      const task = tasks.get(key) ?? { program, recipients, files: [] };
      task.files.push(file);
      tasks.set(key, task);
    }
  }
  return [...tasks.values()];
}

function refuseTogether(recipients: Recipients): void {
  if (recipients.length === 0) {
    throw new SecretsError("secrets/recipients", "cannot encrypt to no recipients: nobody could open the file");
  }
  const known = recipients.map(({ postQuantum }) => postQuantum).filter((postQuantum) => postQuantum !== undefined);
  if (new Set(known).size > 1) {
    throw new SecretsError(
      "secrets/recipients",
      "cannot encrypt to post-quantum and to classic recipients together: the file would be as weak as the weaker",
    );
  }
}

/** The rule of age: all recipients of a file have the same labels, in any order. */
function refuseLabels(recipients: Recipients, wrapped: readonly WrappedByProgram[]): void {
  const native = recipients
    .filter(({ wrap }) => typeof wrap !== "object")
    .map(({ postQuantum }) => (postQuantum === true ? [POST_QUANTUM] : []));
  const sets = [...native, ...wrapped.map(({ labels }) => labels)].map((labels) => [...new Set(labels)].sort());
  const [first = []] = sets;
  const other = sets.find((labels) => labels.join(" ") !== first.join(" "));
  if (other === undefined) return;
  const show = (labels: readonly string[]): string => (labels.length === 0 ? "no label" : labels.join(", "));
  throw new SecretsError(
    "secrets/recipients",
    `cannot encrypt to these recipients together: some are labelled ${show(first)} and others ${show(other)}`,
    { hint: "a plugin's label says whom its recipients may share a file with: only those that have the same ones" },
  );
}
