/**
 * The header of an age file (C2SP age, "Header"): what is read and written here is left to the age library, which checks
 * it to the letter; here are only the ways in and out of it.
 *
 *     header = "age-encryption.org/v1" LF 1*stanza "---" SP 43base64 LF
 *     stanza = "->" 1*(SP argument) LF *(64base64 LF) *63base64 LF
 */
import { messageOf } from "#core";
import { SecretsError } from "../errors.ts";
import { loadAge } from "./library.ts";
import type { FileKeyUnwrapper, LockedUnwrapper, Opener, Stanza } from "./stanza.ts";

/** More than any header of thousands of recipients, and little enough to hold. */
const MAX_HEADER = 8 * 1024 * 1024;
export const VERSION = Buffer.from("age-encryption.org/v1\n", "latin1");
const MAC_LINE = Buffer.from("\n---", "latin1");
const LINE_END = 10;
export const FILE_KEY_LENGTH = 16;

/**
 * The file key that a header gives to the first identity that it is for. Those behind a passphrase or a program are tried
 * last.
 * @throws SecretsError `secrets/not-age`, `secrets/damaged`, or `secrets/cannot-open` when it is for none of them.
 */
export async function openHeader(header: Buffer, identities: readonly Opener[]): Promise<Uint8Array> {
  const attempt = await tryHeader(header, withoutLock(identities));
  if (attempt.fileKey !== undefined) return attempt.fileKey;
  let failed: SecretsError | undefined;
  for (const identity of withLock(identities)) {
    try {
      const { fileKey } = await tryHeader(header, await identity.unlock(attempt.stanzas));
      if (fileKey !== undefined) return fileKey;
    } catch (error) {
      // A token that is not plugged in does not stand in the way of another key.
      if (!(error instanceof SecretsError) || error.code !== "secrets/plugin") throw error;
      failed ??= error;
    }
  }
  throw failed ?? new SecretsError("secrets/cannot-open", "no identity matches any of the file's recipients");
}

/**
 * Tells identities behind programs of all the headers that they will open, in the order in which they would be asked, so
 * that each is asked once. What is wrong with a header, or with an identity, is told when it is opened.
 */
export async function prepareHeaders(headers: readonly Buffer[], identities: readonly Opener[]): Promise<void> {
  const locked = withLock(identities);
  const last = locked.findLastIndex(({ prepare }) => prepare !== undefined);
  let left = await Promise.all(headers.map((header) => stanzasUnlessOpen(header, withoutLock(identities))));
  for (const identity of locked.slice(0, last + 1)) {
    const waiting = left.filter((file) => file !== undefined);
    if (waiting.length === 0) return;
    await identity.prepare?.(waiting.map(({ stanzas }) => stanzas)).catch(() => undefined);
    left = await Promise.all(
      waiting.map(async ({ header, stanzas }) => {
        try {
          return await stanzasUnlessOpen(header, await identity.unlock(stanzas));
        } catch {
          return { header, stanzas };
        }
      }),
    );
  }
}

interface ReadHeader {
  readonly header: Buffer;
  readonly stanzas: readonly Stanza[];
}

async function stanzasUnlessOpen(
  header: Buffer,
  identities: readonly FileKeyUnwrapper[],
): Promise<ReadHeader | undefined> {
  try {
    const { stanzas, fileKey } = await tryHeader(header, identities);
    return fileKey === undefined ? { header, stanzas } : undefined;
  } catch {
    return undefined;
  }
}

function withoutLock(identities: readonly Opener[]): readonly FileKeyUnwrapper[] {
  return identities.filter((identity) => "unwrap" in identity);
}

/** Those behind a passphrase or a program. */
function withLock(identities: readonly Opener[]): readonly LockedUnwrapper[] {
  return identities.filter((identity) => "unlock" in identity);
}

/** What a header says to everybody: its stanzas. @throws SecretsError `secrets/not-age`. */
export async function readStanzas(header: Buffer): Promise<readonly Stanza[]> {
  const { stanzas } = await tryHeader(header, []);
  return stanzas;
}

/**
 * Where the header ends and the payload starts, or undefined when more is needed to tell.
 * @throws SecretsError `secrets/not-age` when it is the start of something else.
 */
export function headerEnd(bytes: Buffer): number | undefined {
  const start = bytes.subarray(0, VERSION.length);
  if (!start.equals(VERSION.subarray(0, start.length))) throw malformed("it does not start as one");
  const mac = bytes.indexOf(MAC_LINE);
  const end = mac === -1 ? -1 : bytes.indexOf(LINE_END, mac + 1);
  if (end !== -1) return end + 1;
  if (bytes.length > MAX_HEADER) throw malformed("its header has no end");
  return undefined;
}

interface Attempt {
  readonly stanzas: readonly Stanza[];
  /** Undefined when no identity matched. */
  readonly fileKey: Uint8Array | undefined;
}

async function tryHeader(header: Buffer, identities: readonly FileKeyUnwrapper[]): Promise<Attempt> {
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  const seen: { stanzas?: readonly Stanza[]; all?: boolean } = {};
  const own: unknown[] = [];
  decrypter.addIdentity({
    unwrapFileKey(stanzas: readonly Stanza[]) {
      seen.stanzas = stanzas;
      return null;
    },
  });
  for (const { unwrap } of identities) {
    if (typeof unwrap === "string") {
      decrypter.addIdentity(unwrap);
      continue;
    }
    decrypter.addIdentity({
      unwrapFileKey(stanzas: readonly Stanza[]) {
        try {
          return unwrap(stanzas) ?? null;
        } catch (error) {
          own.push(error);
          throw error;
        }
      },
    });
  }
  // The library says in words only why it failed: that this one was reached says that no identity matched.
  decrypter.addIdentity({
    unwrapFileKey() {
      seen.all = true;
      return null;
    },
  });
  try {
    const fileKey = await decrypter.decryptHeader(header);
    if (fileKey.length !== FILE_KEY_LENGTH) throw new Error("its file key is of the wrong length");
    return { stanzas: seen.stanzas ?? [], fileKey };
  } catch (error) {
    if (own.includes(error)) throw error;
    if (seen.stanzas === undefined) throw malformed(messageOf(error));
    if (seen.all === true) return { stanzas: seen.stanzas, fileKey: undefined };
    throw damagedHeader(messageOf(error));
  }
}

/** An error for bytes that are no age file. */
export function malformed(why: string): SecretsError {
  return new SecretsError("secrets/not-age", `cannot read an age file: ${why}`);
}

/** An error for a header whose parts do not belong together. */
export function damagedHeader(why: string): SecretsError {
  return new SecretsError("secrets/damaged", `cannot open the header of an age file: ${why}`);
}
