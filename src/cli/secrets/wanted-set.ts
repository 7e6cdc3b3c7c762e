import { secretSetId } from "#activation";
import { SkepError } from "#core";
import type { Host } from "#hive";
import type { WantedSet } from "./host-status.ts";
import type { RepositorySecrets } from "./secrets-source.ts";

/** The set of secrets that a host is to have. No private key is asked for: its id follows from ciphertexts. */
export async function wantedBy(host: Host, source: Pick<RepositorySecrets, "readVersion">): Promise<WantedSet> {
  try {
    const secrets = await Promise.all(
      host.secrets.map(async (use) => ({ use, content: await source.readVersion(use, host) })),
    );
    return { id: secretSetId(secrets, host) };
  } catch (error) {
    if (error instanceof SkepError) return { problem: error.toJSON() };
    throw error;
  }
}
