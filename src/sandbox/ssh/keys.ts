import ssh2 from "ssh2";

export interface KeyPair {
  /** An OpenSSH private key file's text. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
}

/** A new ed25519 key pair that ssh2 and OpenSSH both read. */
export function generateKeyPair(): KeyPair {
  for (;;) {
    const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519");
    // ssh2 drops a public key's leading zero byte, one pair in 256, and then refuses to read what it wrote.
    if (!(ssh2.utils.parseKey(privateKey) instanceof Error)) return { privateKey, publicKey: publicKey.trim() };
  }
}
