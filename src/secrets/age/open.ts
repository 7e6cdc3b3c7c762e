import { Plaintext } from "../plaintext.ts";
import { Dearmorer, isArmored, MAX_SPACE } from "./armor.ts";
import { binaryAge } from "./binary.ts";
import { openHeader, prepareHeaders } from "./header.ts";
import type { Header } from "./header-text.ts";
import { headerEnd, malformed, parseHeader } from "./header-text.ts";
import { PayloadOpener } from "./payload.ts";
import type { Opener, Stanza } from "./stanza.ts";

/**
 * Decrypts a whole age file, binary or armored, with the first identity that it is for.
 * @throws SecretsError `secrets/not-age`, `secrets/damaged` or `secrets/cannot-open`.
 */
export async function openBytes(file: Uint8Array, identities: readonly Opener[]): Promise<Plaintext> {
  const parts: Buffer[] = [];
  try {
    for await (const part of openStream([file], identities)) parts.push(part);
    return new Plaintext(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
  } finally {
    if (parts.length > 1) for (const part of parts) part.fill(0);
  }
}

/**
 * Decrypts an age file as it comes. Each part that is given out was authenticated; that nothing is missing at the end is
 * known only when it ends without an error.
 * @throws SecretsError `secrets/not-age`, `secrets/damaged` or `secrets/cannot-open`.
 */
export async function* openStream(
  file: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  identities: readonly Opener[],
): AsyncGenerator<Buffer, void, undefined> {
  let header: Buffer | undefined = Buffer.alloc(0);
  let opener: PayloadOpener | undefined;
  for await (const bytes of undress(file)) {
    let payload = bytes;
    if (header !== undefined) {
      header = Buffer.concat([header, bytes]);
      const end = headerEnd(header);
      if (end === undefined) continue;
      opener = new PayloadOpener(await openHeader(parseHeader(header.subarray(0, end)), identities));
      payload = header.subarray(end);
      header = undefined;
    }
    yield* opener?.push(payload) ?? [];
  }
  if (opener === undefined) throw malformed("its header is cut short");
  yield* opener.finish();
}

/**
 * To be called with all the files that {@link openBytes} will be called for: a plugin among the identities is asked once
 * for all of them then, and not for each. Reads nothing where no identity may need it. Fails for no file and no
 * identity: what is wrong is told when the file is opened.
 */
export async function prepareToOpen(
  files: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  identities: readonly Opener[],
): Promise<void> {
  if (!identities.some((identity) => "unlock" in identity && identity.prepare !== undefined)) return;
  const headers: Header[] = [];
  for await (const file of files) {
    try {
      headers.push(headerOf(file));
    } catch {
      continue;
    }
  }
  await prepareHeaders(headers, identities);
}

/** What an age file says without a key: its stanzas, and whether it is armored. @throws SecretsError `secrets/not-age`. */
export function inspectBytes(file: Uint8Array): { readonly stanzas: readonly Stanza[]; readonly armored: boolean } {
  return { stanzas: headerOf(file).stanzas, armored: isArmored(file) };
}

function headerOf(file: Uint8Array): Header {
  const bytes = binaryAge(file);
  const end = headerEnd(bytes);
  if (end === undefined) throw malformed("its header is cut short");
  return parseHeader(bytes.subarray(0, end));
}

/** The bytes of the binary format, whichever came. */
async function* undress(
  file: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  let start = "";
  let dearmorer: Dearmorer | "none" | undefined;
  for await (const chunk of file) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (dearmorer === undefined) {
      start += bytes.toString("latin1");
      if (start.length > 0 && start.trimStart() === "" && start.length < MAX_SPACE) continue;
      dearmorer = isArmored(Buffer.from(start, "latin1")) ? new Dearmorer() : "none";
      if (start.length > bytes.length) {
        const all = Buffer.from(start, "latin1");
        yield dearmorer === "none" ? all : dearmorer.push(all);
        continue;
      }
    }
    yield dearmorer === "none" ? bytes : dearmorer.push(bytes);
  }
  if (dearmorer !== undefined && dearmorer !== "none") yield dearmorer.finish();
}
