import type { Host, HostName } from "#hive";
import { parseRecipient, sealBytes } from "#secrets";
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
          const content = Buffer.from(`stand-in for ${secret.name}\n`);
          return [secret.name, await sealBytes(content, [recipient])];
        }),
      );
      return [name, new Map(files)] as const;
    }),
  );
  return new Map(sealed);
}
