import type { SecretSet } from "#activation";
import { makeSecretSet } from "#activation";
import type { Host } from "#hive";

/** The secrets of a host in a release: nothing is in them, but every release has others. */
export function simulatedSecrets(host: Host, release: string): SecretSet {
  const secrets = host.secrets.map((use) => ({
    use: { ...use, open: "host" as const },
    content: { open: "host" as const, ciphertext: Buffer.from(`${use.name} of ${release}`) },
  }));
  return makeSecretSet(secrets, host);
}
