import { createHash } from "node:crypto";
import type { HostFacts, InstalledSecret, SecretVersion } from "#activation";
import { NO_SECRETS, secretLine, secretSetId } from "#activation";
import type { SkepErrorJson } from "#core";
import type { Host, HostName, SecretUse } from "#hive";
import { RolloutError } from "../errors.ts";
import { toErrorJson } from "../to-error-json.ts";
import type { SecretsChange } from "./fleet-plan.ts";

/** Where a plan learns which secrets hosts are to have. Opens none of them. */
export interface SecretVersionsSource {
  readVersion(use: SecretUse, host: Host): Promise<SecretVersion>;
}

/** The set of secrets that a host is to have, without what is in them. */
export interface WantedSecrets {
  readonly id: string;
  readonly secrets: readonly { readonly use: SecretUse; readonly content: SecretVersion }[];
}

export type PreparedVersions = WantedSecrets | { readonly error: SkepErrorJson };

/** Reads which secrets hosts are to have. One bad secret takes down the hosts that consume it. */
export async function prepareVersions(
  hosts: readonly Host[],
  { source, signal }: { readonly source: SecretVersionsSource | undefined; readonly signal: AbortSignal },
): Promise<ReadonlyMap<HostName, PreparedVersions>> {
  const prepared = new Map<HostName, PreparedVersions>();
  for (const host of hosts) {
    try {
      signal.throwIfAborted();
      const secrets = await Promise.all(
        host.secrets.map(async (use) => {
          if (source !== undefined) return { use, content: await source.readVersion(use, host) };
          throw new RolloutError("rollout/no-secrets", `it consumes ${use.name}, and there are no secrets`, {
            hint: "write secrets/secrets.ts beside the hive file, or name one with --secrets",
          });
        }),
      );
      prepared.set(host.name, { id: secretSetId(secrets, host), secrets });
    } catch (error) {
      signal.throwIfAborted();
      prepared.set(host.name, { error: toErrorJson(error, host.name) });
    }
  }
  return prepared;
}

/** What becomes of a host's secrets. Pure. */
export function compareSecrets(
  wanted: WantedSecrets,
  {
    installed,
    facts: { set = NO_SECRETS, waiting },
  }: {
    readonly installed: readonly InstalledSecret[];
    readonly facts: HostFacts["secrets"];
  },
): SecretsChange {
  const had = new Map(installed.map((secret) => [secret.name, secret]));
  const names = new Set(wanted.secrets.map(({ use }) => use.name));
  const removed = [...had.keys()].filter((name) => !names.has(name));
  if (set === wanted.id) return { ...NOTHING, broughtAgain: waiting, removed };
  const added: string[] = [];
  const changed: string[] = [];
  const mayChange: string[] = [];
  for (const { use, content } of wanted.secrets) {
    const before = had.get(use.name);
    if (before === undefined) added.push(use.name);
    else if (before.line !== secretLine(use, content)) changed.push(use.name);
    else if (content.open === "operator" || before.ciphertextHash === undefined) mayChange.push(use.name);
    else if (before.ciphertextHash !== hashOf(content.ciphertext)) changed.push(use.name);
  }
  // What is the same one by one, and not all together, is opened with other keys.
  const isSame = added.length + changed.length + mayChange.length + removed.length === 0;
  const again = waiting.filter((name) => mayChange.includes(name));
  return { added, changed, mayChange: isSame ? [...names] : mayChange, removed, broughtAgain: again };
}

const NOTHING: SecretsChange = { added: [], changed: [], mayChange: [], broughtAgain: [], removed: [] };

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
