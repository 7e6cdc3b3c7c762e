declare module "bcrypt-pbkdf" {
  /** Fills `key` from a passphrase and a salt; 0 when it did. */
  export function pbkdf(
    passphrase: Uint8Array,
    passphraseLength: number,
    salt: Uint8Array,
    saltLength: number,
    key: Uint8Array,
    keyLength: number,
    rounds: number,
  ): number;
}
