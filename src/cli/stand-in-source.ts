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
