import type { PluginOptions } from "../keys/plugins/options.ts";
import { Armorer } from "./armor.ts";
import { PayloadSealer } from "./payload.ts";
import type { Recipients, SealedHeader } from "./seal-header.ts";
import { sealHeaders } from "./seal-header.ts";

export interface SealOptions {
  /** Write text that survives mails and diffs, a third longer. */
  readonly armored?: boolean | undefined;
  /** Where the plugins of recipients that need some are, and whom they ask. */
  readonly plugins?: PluginOptions | undefined;
}

/** What is to become one file. */
export interface SealInput {
  readonly plaintext: Uint8Array;
  readonly recipients: Recipients;
  readonly armored?: boolean | undefined;
}

/**
 * Encrypts to every one of the recipients.
 * @throws SecretsError `secrets/recipients` when there are none, or some that may not share a file; `secrets/plugin`.
 */
export async function sealBytes(
  plaintext: Uint8Array,
  recipients: Recipients,
  { armored, plugins }: SealOptions = {},
): Promise<Buffer> {
  const [sealed = Buffer.alloc(0)] = await sealAll([{ plaintext, recipients, armored }], { plugins });
  return sealed;
}

/** Encrypts many files as {@link sealBytes} does one; each plugin is asked once for all that have the same recipients. */
export async function sealAll(
  files: readonly SealInput[],
  { plugins }: Pick<SealOptions, "plugins"> = {},
): Promise<readonly Buffer[]> {
  const headers = await sealHeaders(
    files.map(({ recipients }) => recipients),
    { plugins },
  );
  return headers.map((header, index) => {
    const { plaintext, armored } = files[index] ?? { plaintext: Buffer.alloc(0) };
    const sealing = new Sealing(header, armored);
    return Buffer.concat([sealing.begin(), sealing.push(plaintext), sealing.finish()]);
  });
}

/** Encrypts what comes, as it comes, to every one of the recipients. Holds one chunk of 64 KiB at most. */
export async function* sealStream(
  plaintext: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  recipients: Recipients,
  { armored, plugins }: SealOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const [header] = await sealHeaders([recipients], { plugins });
  const sealing = new Sealing(header, armored);
  yield sealing.begin();
  for await (const chunk of plaintext) {
    const sealed = sealing.push(chunk);
    if (sealed.length > 0) yield sealed;
  }
  yield sealing.finish();
}

/** One file in the making. */
class Sealing {
  readonly #header: Buffer;
  readonly #payload: PayloadSealer;
  readonly #armorer: Armorer | undefined;

  constructor({ header, fileKey }: SealedHeader, armored = false) {
    this.#header = header;
    this.#payload = new PayloadSealer(fileKey);
    this.#armorer = armored ? new Armorer() : undefined;
    fileKey.fill(0);
  }

  begin(): Buffer {
    return this.#dress(this.#header);
  }

  push(chunk: Uint8Array): Buffer {
    return this.#dress(this.#payload.push(chunk));
  }

  finish(): Buffer {
    const last = this.#dress(this.#payload.finish());
    return this.#armorer === undefined ? last : Buffer.concat([last, this.#armorer.finish()]);
  }

  #dress(bytes: Buffer): Buffer {
    return this.#armorer?.push(bytes) ?? bytes;
  }
}
