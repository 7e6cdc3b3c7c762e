import type { PluginOptions } from "../keys/plugins/options.ts";

/** One recipient's share of a file's header: the file key, wrapped for that recipient. */
export interface Stanza {
  /** The kind of recipient, then what that kind needs. */
  readonly args: readonly string[];
  readonly body: Uint8Array;
}

/** Something a file key can be wrapped for. */
export interface FileKeyWrapper {
  /** A stanza, the text of one of age's own recipients, which age wraps for itself, or a program that does it. */
  readonly wrap: ((fileKey: Uint8Array) => Stanza) | string | WrappingProgram;
  /** Whether a quantum computer could not unwrap it either; undefined where only the program knows. */
  readonly postQuantum: boolean | undefined;
}

/** A program that wraps file keys. It is asked once for all files that have the same recipients of its. */
export interface WrappingProgram {
  readonly program: string;
  /** The recipient that it knows. */
  readonly recipient: string;
  /** Wraps each of the file keys for each of the recipients. */
  wrapAll(
    fileKeys: readonly Uint8Array[],
    options: { readonly recipients: readonly string[]; readonly plugins?: PluginOptions | undefined },
  ): Promise<WrappedByProgram>;
}

export interface WrappedByProgram {
  /** The stanzas of each file key, in their order. */
  readonly stanzas: readonly (readonly Stanza[])[];
  /** Only recipients with the very same labels may share a file. */
  readonly labels: readonly string[];
}

/** Something that may unwrap a file key. */
export interface FileKeyUnwrapper {
  /**
   * Gives the file key, or undefined when none of the stanzas is for this identity, and throws when one is and is broken.
   * Or the text of one of age's own identities, which age uses for itself.
   */
  readonly unwrap: ((stanzas: readonly Stanza[]) => Uint8Array | undefined) | string;
}

/** An identity behind a passphrase or a program. */
export interface LockedUnwrapper {
  /** What it holds, asking for the passphrase the first time; nothing when none of the stanzas can be for it. */
  unlock(stanzas: readonly Stanza[]): Promise<readonly FileKeyUnwrapper[]>;
  /**
   * Told of all the headers that it will be asked to unlock, so that it can ask once for all of them. What goes wrong is
   * told when it is asked to unlock them.
   */
  readonly prepare?: ((headers: readonly (readonly Stanza[])[]) => Promise<void>) | undefined;
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
