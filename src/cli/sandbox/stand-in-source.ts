import type { Host } from "#hive";
import type { SecretsSource } from "#rollout";
import type { Sandbox } from "#sandbox";
import { standInSecrets } from "#sandbox";

/** Made-up secrets for the hosts of a sandbox, which never sees a real one. */
export async function standInSource(hosts: readonly Host[], sandbox: Sandbox): Promise<SecretsSource & Disposable> {
  const files = await standInSecrets(hosts, sandbox);
  return {
    read(use, host) {
      const ciphertext = files.get(host.name)?.get(use.name);
      if (ciphertext === undefined) throw new Error(`no stand-in was made for ${use.name} of ${host.name}`);
      return Promise.resolve({ open: "host", ciphertext });
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** What there is to say of hosts whose sandbox has no memory for their secrets. */
export function noticeOfSecrets(hosts: readonly Host[], { holdsSecrets }: Sandbox): string | undefined {
  const names = hosts.filter(({ secrets }) => secrets.length > 0).map(({ name }) => name);
  if (holdsSecrets || names.length === 0) return undefined;
  return (
    `this machine has no tmpfs, and skep puts a secret nowhere else: on ${names.join(", ")} none are installed, ` +
    "and files of made-up content lie where their services look; everything else goes its usual way"
  );
}
