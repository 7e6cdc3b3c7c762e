import type { Redacted } from "#core";
import { SecretsError } from "../errors.ts";

/**
 * Asks for a passphrase.
 * @param attempt 1 the first time, 2 after a wrong one, …
 */
export type AskPassphrase = (what: string, attempt: number) => Promise<Redacted<string>>;

const ATTEMPTS = 3;

/**
 * Asks until `use` makes something of the answer, three times at most.
 * @throws SecretsError `secrets/passphrase`.
 */
export async function withPassphrase<T>(
  what: string,
  ask: AskPassphrase | undefined,
  use: (passphrase: string) => Promise<T | undefined>,
): Promise<T> {
  if (ask === undefined) {
    throw new SecretsError("secrets/passphrase", `cannot use ${what}: it has a passphrase, and nobody can be asked`);
  }
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const passphrase = await ask(what, attempt);
    const made = await use(passphrase.reveal());
    if (made !== undefined) return made;
  }
  throw new SecretsError("secrets/passphrase", `cannot use ${what}: the passphrase is wrong`);
}
