import { inParallel } from "../in-parallel.ts";
import { Armorer } from "./armor.ts";
import { PayloadSealer } from "./payload.ts";
import type { Recipients, SealedHeader, SealHeaderOptions } from "./seal-header.ts";
import { sealHeaders } from "./seal-header.ts";

export interface SealOptions extends SealHeaderOptions {
  /** Write text that survives mails and diffs, a third longer. */
  readonly armored?: boolean | undefined;
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
  { armored, ...options }: SealOptions = {},
): Promise<Buffer> {
  const [sealed = Buffer.alloc(0)] = await sealAll([{ plaintext, recipients, armored }], options);
  return sealed;
}

/** Encrypts many files as {@link sealBytes} does one; each plugin is asked once for all that have the same recipients. */
export async function sealAll(
  files: readonly SealInput[],
  options: SealHeaderOptions = {},
): Promise<readonly Buffer[]> {
  const headers = await sealHeaders(
    files.map(({ recipients }) => recipients),
    options,
  );
  const seal = (header: SealedHeader, index: number): Buffer => {
    const { plaintext, armored } = files[index] ?? { plaintext: Buffer.alloc(0) };
    const sealing = new Sealing(header, armored);
    return Buffer.concat([...sealing.begin(), ...sealing.push(plaintext), ...sealing.finish()]);
  };
  return inParallel(headers, seal, options);
}

/** Encrypts what comes, as it comes, to every one of the recipients. Holds one chunk of 64 KiB at most. */
export async function* sealStream(
  plaintext: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  recipients: Recipients,
  { armored, ...options }: SealOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const [header] = await sealHeaders([recipients], options);
  const sealing = new Sealing(header, armored);
  yield* sealing.begin();
  for await (const chunk of plaintext) yield* sealing.push(chunk);
  yield* sealing.finish();
}

/** One file in the making, part by part. */
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

  begin(): Iterable<Buffer> {
    return this.#dress([this.#header]);
  }

  push(chunk: Uint8Array): Iterable<Buffer> {
    return this.#dress(this.#payload.push(chunk));
  }

  *finish(): Generator<Buffer, void, undefined> {
    yield* this.#dress(this.#payload.finish());
    if (this.#armorer !== undefined) yield this.#armorer.finish();
  }

  *#dress(parts: Iterable<Buffer>): Generator<Buffer, void, undefined> {
    for (const part of parts) yield this.#armorer?.push(part) ?? part;
  }
}
