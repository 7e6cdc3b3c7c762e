import type { HostSecret, SecretContent, SecretSet } from "#activation";
import { makeSecretSet } from "#activation";
import type { SkepErrorJson } from "#core";
import type { Goal, Host, HostName, SecretUse } from "#hive";
import { installsSecrets } from "#hive";
import { RolloutError } from "../errors.ts";
import { toErrorJson } from "../to-error-json.ts";

/** Where the secrets of hosts come from. */
export interface SecretsSource {
  /** What is to travel to a host. The same secret is asked for once for each host that consumes it. */
  read(use: SecretUse, host: Host): Promise<SecretContent>;
}

/** What became of a host's secrets: they are ready to be sent, or why they are not. */
export type PreparedSecrets = { readonly secrets: SecretSet } | { readonly error: SkepErrorJson };

/** Reads the secrets of hosts, before anything is done to any. One bad secret takes down the hosts that consume it. */
export async function prepareSecrets(
  hosts: readonly Host[],
  {
    goal,
    source,
    signal,
  }: { readonly goal: Goal; readonly source: SecretsSource | undefined; readonly signal: AbortSignal },
): Promise<ReadonlyMap<HostName, PreparedSecrets>> {
  const prepare = async (host: Host): Promise<PreparedSecrets> => {
    const uses = installsSecrets(goal) ? host.secrets : [];
    const read = async (use: SecretUse): Promise<HostSecret> => {
      signal.throwIfAborted();
      if (source === undefined) throw noSource(use);
      return { use, content: await source.read(use, host) };
    };
    const results = await Promise.allSettled(uses.map(read));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) return { error: toErrorJson(signal.aborted ? stopped() : failed.reason, host.name) };
    const secrets = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    return { secrets: makeSecretSet(secrets, host) };
  };
  const prepared = new Map<HostName, PreparedSecrets>();
  for (const host of hosts) prepared.set(host.name, await prepare(host));
  return prepared;
}

function noSource({ name }: SecretUse): RolloutError {
  return new RolloutError("rollout/no-secrets", `it consumes ${name}, and there are no secrets`, {
    hint: "write secrets/secrets.ts beside the hive file, or name one with --secrets",
  });
}

function stopped(): RolloutError {
  return new RolloutError("rollout/interrupted", "the run was stopped before its secrets were read");
}
