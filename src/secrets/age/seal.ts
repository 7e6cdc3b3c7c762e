import { Armorer } from "./armor.ts";
import { sealHeader } from "./header.ts";
import { PayloadSealer } from "./payload.ts";
import type { FileKeyWrapper } from "./stanza.ts";

export interface SealOptions {
  /** Write text that survives mails and diffs, a third longer. */
  readonly armored?: boolean | undefined;
}

/**
 * Encrypts to every one of the recipients.
 * @throws SecretsError `secrets/recipients` when there are none.
 */
export async function sealBytes(
  plaintext: Uint8Array,
  recipients: readonly FileKeyWrapper[],
  options: SealOptions = {},
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of sealStream([plaintext], recipients, options)) parts.push(part);
  return Buffer.concat(parts);
}

/** Encrypts what comes, as it comes, to every one of the recipients. Holds one chunk of 64 KiB at most. */
export async function* sealStream(
  plaintext: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  recipients: readonly FileKeyWrapper[],
  { armored = false }: SealOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const { header, fileKey } = await sealHeader(recipients);
  const sealer = new PayloadSealer(fileKey);
  fileKey.fill(0);
  const armorer = armored ? new Armorer() : undefined;
  const dress = (part: Buffer): Buffer => armorer?.push(part) ?? part;
  yield dress(header);
  for await (const chunk of plaintext) {
    const sealed = sealer.push(chunk);
    if (sealed.length > 0) yield dress(sealed);
  }
  yield dress(sealer.finish());
  if (armorer !== undefined) yield armorer.finish();
}
