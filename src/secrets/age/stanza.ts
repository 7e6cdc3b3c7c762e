/** One recipient's share of a file's header: the file key, wrapped for that recipient. */
export interface Stanza {
  /** The kind of recipient, then what that kind needs. */
  readonly args: readonly string[];
  readonly body: Uint8Array;
}

/** Something a file key can be wrapped for. */
export interface FileKeyWrapper {
  /** A stanza, or the text of one of age's own recipients, which age wraps for itself. */
  readonly wrap: ((fileKey: Uint8Array) => Stanza) | string;
  /** Whether a quantum computer could not unwrap it either. */
  readonly postQuantum: boolean;
}

/** Something that may unwrap a file key. */
export interface FileKeyUnwrapper {
  /**
   * Gives the file key, or undefined when none of the stanzas is for this identity, and throws when one is and is broken.
   * Or the text of one of age's own identities, which age uses for itself.
   */
  readonly unwrap: ((stanzas: readonly Stanza[]) => Uint8Array | undefined) | string;
}

/** An identity behind a passphrase. */
export interface LockedUnwrapper {
  /** What it holds, asking for the passphrase the first time; nothing when none of the stanzas can be for it. */
  unlock(stanzas: readonly Stanza[]): Promise<readonly FileKeyUnwrapper[]>;
}

/** Whatever may open a file. */
export type Opener = FileKeyUnwrapper | LockedUnwrapper;

/** Bytes as age writes them in headers: base64 without padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64").replaceAll("=", "");
}

/** The bytes of canonical unpadded base64; undefined for anything else. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return encodeBase64(bytes) === text ? bytes : undefined;
}
