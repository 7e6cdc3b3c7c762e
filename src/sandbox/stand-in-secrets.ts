import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Host, HostName } from "#hive";
import { parseRecipient, sealBytes } from "#secrets";
import type { SandboxHost } from "./sandbox-host.ts";
import type { Sandbox } from "./start-sandbox.ts";

/**
 * What sandbox hosts get for the secrets of the hosts that they stand for: age files of made-up content, which their SSH
 * host keys open. Nothing of the real secrets is read.
 * @returns binary age files by the secrets' names, for each of the hosts.
 * @throws SandboxError `sandbox/hosts` when the sandbox has not all of them.
 */
export async function standInSecrets(
  hosts: readonly Host[],
  sandbox: Sandbox,
): Promise<Map<HostName, ReadonlyMap<string, Buffer>>> {
  const sealed = await Promise.all(
    hosts.map(async ({ name, secrets }) => {
      const recipient = await parseRecipient(sandbox.host(name).target.hostKey);
      const files = await Promise.all(
        secrets.map(async (secret): Promise<[string, Buffer]> => {
          const content = Buffer.from(madeUp(secret.name));
          return [secret.name, await sealBytes(content, [recipient])];
        }),
      );
      return [name, new Map(files)] as const;
    }),
  );
  return new Map(sealed);
}

/** Where programs of a host find its secrets. */
const SECRETS_LINK = "run/skep/secrets";

/** Puts files of made-up content where a host's programs look for its secrets: there is nothing in them to be kept off a disk. */
export async function placeMadeUpSecrets({ secrets }: Pick<Host, "secrets">, { root }: SandboxHost): Promise<void> {
  for (const { name } of secrets) {
    const file = join(root, SECRETS_LINK, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, madeUp(name), { mode: 0o600 });
  }
}

function madeUp(name: string): string {
  return `stand-in for ${name}\n`;
}
