import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Whether Debian's age is installed. */
export const haveAge = spawnSync("age", ["--version"]).status === 0;

export interface SshKeygenOptions {
  readonly type: "ed25519" | "rsa" | "ecdsa";
  readonly bits?: number;
  readonly passphrase?: string;
  readonly cipher?: string;
  readonly comment?: string;
}

/** Makes a key pair; gives the line of its public half. */
export function sshKeygen(
  path: string,
  { type, bits, passphrase = "", cipher, comment = "" }: SshKeygenOptions,
): string {
  const options = [
    ...(bits === undefined ? [] : ["-b", String(bits)]),
    ...(cipher === undefined ? [] : ["-Z", cipher]),
  ];
  // One round of its key derivation, where 16 are usual, says as much in a sixteenth of the time.
  execFileSync("ssh-keygen", ["-q", "-a", "1", "-t", type, ...options, "-N", passphrase, "-C", comment, "-f", path]);
  return readFileSync(`${path}.pub`, "utf8").trim();
}

/** Makes an age identity file; gives its recipient. */
export function ageKeygen(path: string): string {
  execFileSync("age-keygen", ["-o", path], { stdio: "ignore" });
  return /public key: (\S+)/.exec(readFileSync(path, "utf8"))?.[1] ?? "";
}
