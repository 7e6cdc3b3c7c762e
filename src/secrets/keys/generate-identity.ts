import { Redacted } from "#core";
import { loadAge } from "../age/library.ts";

/** A key pair of age's own. */
export interface KeyPair {
  /** `age1…` */
  readonly recipient: string;
  /** What an identity file holds: the private half, with the public one in a comment, as age-keygen writes it. */
  readonly identityFile: Redacted<string>;
}

/** Makes a key pair of age's own, classic as SSH's keys are, so that files can be encrypted to both. */
export async function generateIdentity(): Promise<KeyPair> {
  const { generateX25519Identity, identityToRecipient } = await loadAge();
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  return { recipient, identityFile: new Redacted(`# public key: ${recipient}\n${identity}\n`) };
}
