import { execFileSync } from "node:child_process";
import { existsSync, statfsSync } from "node:fs";
import type { HostSecret } from "#activation";
import type { SecretUse } from "#hive";
import { haveAge } from "../secrets/tools.ts";

/** A tmpfs that every Linux machine has, for the host whose secrets are installed. */
export const SHM = "/dev/shm";

/** Whether secrets can be installed on this machine. */
export const holdsSecrets = haveAge && existsSync(SHM) && isTmpfs(SHM);

export const HOST_KEY = "/etc/ssh/ssh_host_ed25519_key";

/** The host's own key, and one that is not there. */
export const IDENTITY_PATHS = { identityPaths: [HOST_KEY, "/etc/ssh/none"] };

export function isTmpfs(folder: string): boolean {
  return statfsSync(folder).type === 0x01021994;
}

/** A secret as a hive says it, with nothing else asked of it. */
export function use(name: string, more: Partial<SecretUse> = {}): SecretUse {
  const plain = { owner: "root", group: undefined, mode: "0400", path: undefined, restart: [], reload: [] };
  return { name, ...plain, open: "host", ...more };
}

/** What the host opens itself, sealed by `age`. */
export function seal(text: string, ...to: readonly string[]): HostSecret["content"] {
  const recipients = to.flatMap((recipient) => ["-r", recipient]);
  return { open: "host", ciphertext: execFileSync("age", recipients, { input: text }) };
}
