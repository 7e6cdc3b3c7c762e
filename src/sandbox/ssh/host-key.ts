import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import ssh2 from "ssh2";
import { errnoOf, messageOf, writeFileAtomically } from "#core";
import { SandboxError } from "../errors.ts";
import type { KeyPair } from "./keys.ts";
import { generateKeyPair } from "./keys.ts";

/** Where a host has its SSH host key. */
export const HOST_KEY_PATH = "/etc/ssh/ssh_host_ed25519_key";

/**
 * The SSH host key below a root, as sshd has it; made where there is none yet. Its public half lies beside it.
 * @throws SandboxError `sandbox/start` when what is there is no such key.
 */
export async function loadHostKey(root: string, hostName: string): Promise<KeyPair> {
  const path = join(root, HOST_KEY_PATH);
  try {
    let pair = await readKeyPair(path);
    if (pair === undefined) {
      pair = generateKeyPair();
      await writeFileAtomically(path, pair.privateKey, { mode: 0o600 });
    }
    await writeFile(`${path}.pub`, `${pair.publicKey} root@${hostName}\n`);
    return pair;
  } catch (error) {
    throw new SandboxError("sandbox/start", `reading the SSH host key of ${hostName}, ${path}: ${messageOf(error)}`, {
      hint: "remove it, and the host gets a new one",
      cause: error,
    });
  }
}

async function readKeyPair(path: string): Promise<KeyPair | undefined> {
  let privateKey: string;
  try {
    privateKey = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  if (key.type !== "ssh-ed25519" || !key.isPrivateKey()) throw new Error("it is no private ed25519 key");
  return { privateKey, publicKey: `${key.type} ${key.getPublicSSH().toString("base64")}` };
}
