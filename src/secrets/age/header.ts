/** Whom a header gives its file key to. */
import { messageOf } from "#core";
import { SecretsError } from "../errors.ts";
import type { Header } from "./header-text.ts";
import { damagedHeader, FILE_KEY_LENGTH, isSealedWith } from "./header-text.ts";
import { loadAge } from "./library.ts";
import type { FileKeyUnwrapper, LockedUnwrapper, Opener } from "./stanza.ts";

/**
 * The file key that a header gives to the first identity that it is for. Those behind a passphrase or a program are tried
 * last.
 * @throws SecretsError `secrets/not-age`, `secrets/damaged`, or `secrets/cannot-open` when it is for none of them.
 */
export async function openHeader(header: Header, identities: readonly Opener[]): Promise<Uint8Array> {
  const fileKey = await tryHeader(header, withoutLock(identities));
  if (fileKey !== undefined) return fileKey;
  let failed: SecretsError | undefined;
  for (const identity of withLock(identities)) {
    try {
      const unlocked = await tryHeader(header, await identity.unlock(header.stanzas));
      if (unlocked !== undefined) return unlocked;
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
export async function prepareHeaders(headers: readonly Header[], identities: readonly Opener[]): Promise<void> {
  const locked = withLock(identities);
  const last = locked.findLastIndex(({ prepare }) => prepare !== undefined);
  let waiting = await withoutOpened(headers, () => withoutLock(identities));
  for (const identity of locked.slice(0, last + 1)) {
    if (waiting.length === 0) return;
    await identity.prepare?.(waiting.map(({ stanzas }) => stanzas)).catch(() => undefined);
    waiting = await withoutOpened(waiting, ({ stanzas }) => identity.unlock(stanzas).catch(() => []));
  }
}

/** Those that these identities do not open. One that they fail with is for nobody else to open. */
async function withoutOpened(
  headers: readonly Header[],
  identitiesFor: (header: Header) => readonly FileKeyUnwrapper[] | Promise<readonly FileKeyUnwrapper[]>,
): Promise<readonly Header[]> {
  const left = await Promise.all(
    headers.map(async (header) => {
      const identities = await identitiesFor(header);
      try {
        return (await tryHeader(header, identities)) === undefined ? [header] : [];
      } catch {
        return [];
      }
    }),
  );
  return left.flat();
}

function withoutLock(identities: readonly Opener[]): readonly FileKeyUnwrapper[] {
  return identities.filter((identity) => "unwrap" in identity);
}

/** Those behind a passphrase or a program. */
function withLock(identities: readonly Opener[]): readonly LockedUnwrapper[] {
  return identities.filter((identity) => "unlock" in identity);
}

async function tryHeader(header: Header, identities: readonly FileKeyUnwrapper[]): Promise<Uint8Array | undefined> {
  for (const { unwrap } of identities) {
    const fileKey = typeof unwrap === "string" ? await unwrapNative(header, unwrap) : unwrap(header.stanzas);
    if (fileKey === undefined) continue;
    if (fileKey.length !== FILE_KEY_LENGTH) throw damagedHeader("its file key is of the wrong length");
    if (!isSealedWith(header, fileKey)) throw damagedHeader("it was changed, or its file key is another");
    return fileKey;
  }
  return undefined;
}

/** What age's own identities do not look at. */
const NOT_NATIVE = /^(ssh-(ed25519|rsa)|scrypt)$/;

/** Has the age library try one of its own identities. */
async function unwrapNative({ bytes, stanzas }: Header, identity: string): Promise<Uint8Array | undefined> {
  if (stanzas.every(({ args: [type = ""] }) => NOT_NATIVE.test(type))) return undefined;
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const next = { wasAsked: false };
  // The library says in words only why it failed: that the next one was asked says that the header is not for this one.
  decrypter.addIdentity({
    unwrapFileKey() {
      next.wasAsked = true;
      return null;
    },
  });
  try {
    return await decrypter.decryptHeader(bytes);
  } catch (error) {
    if (next.wasAsked) return undefined;
    throw damagedHeader(messageOf(error));
  }
}
