import ssh2 from "ssh2";

export interface KeyPair {
  /** An OpenSSH private key file's text. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
}

export function generateKeyPair(): KeyPair {
  const pair = ssh2.utils.generateKeyPairSync("ed25519");
  return { privateKey: pair.private, publicKey: pair.public.trim() };
}
