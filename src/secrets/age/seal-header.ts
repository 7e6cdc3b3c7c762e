import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { SecretsError } from "../errors.ts";
import type { PluginOptions } from "../keys/plugins/options.ts";
import { FILE_KEY_LENGTH, headerEnd, VERSION } from "./header.ts";
import { loadAge } from "./library.ts";
import type { FileKeyWrapper, Stanza, WrappedByProgram, WrappingProgram } from "./stanza.ts";
import { encodeBase64 } from "./stanza.ts";
import { formatStanza } from "./stanza-text.ts";

/** Those who are to read one file. */
export type Recipients = readonly FileKeyWrapper[];

export interface SealedHeader {
  readonly header: Buffer;
  readonly fileKey: Buffer;
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
  { plugins }: { readonly plugins?: PluginOptions | undefined } = {},
): Promise<{ readonly [Index in keyof Files]: SealedHeader }> {
  for (const recipients of files) refuseTogether(recipients);
  const begun = await Promise.all(files.map(beginHeader));
  const programs = await askPrograms(begun, plugins);
  const sealed = begun.map((file) => finishHeader(file, programs.get(file) ?? []));
  return sealed as { readonly [Index in keyof Files]: SealedHeader };
}

interface BegunHeader {
  readonly recipients: Recipients;
  readonly fileKey: Buffer;
  /** The header up to where the next stanza goes. */
  readonly text: string;
}

/** A file key, and the stanzas of age's own recipients, which the library makes together. */
async function beginHeader(recipients: Recipients): Promise<BegunHeader> {
  const native = recipients.flatMap(({ wrap }) => (typeof wrap === "string" ? [wrap] : []));
  if (native.length === 0) {
    return { recipients, fileKey: randomBytes(FILE_KEY_LENGTH), text: VERSION.toString("latin1") };
  }
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
  const header = file.toString("latin1", 0, headerEnd(file));
  return { recipients, fileKey, text: header.slice(0, header.lastIndexOf("---")) };
}

function finishHeader({ recipients, fileKey, text }: BegunHeader, wrapped: readonly Stanza[]): SealedHeader {
  const own = recipients.flatMap(({ wrap }) => (typeof wrap === "function" ? [wrap(fileKey)] : []));
  const head = `${text}${[...own, ...wrapped].map(formatStanza).join("")}---`;
  const key = Buffer.from(hkdfSync("sha256", fileKey, "", "header", 32));
  const mac = createHmac("sha256", key).update(head, "latin1").digest();
  key.fill(0);
  return { header: Buffer.from(`${head} ${encodeBase64(mac)}\n`, "latin1"), fileKey };
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
