/** A key, or several; with `retired` keys that may still read until nothing needs them. */
export type KeysInput =
  | string
  | readonly string[]
  | { readonly keys: string | readonly string[]; readonly retired?: string | readonly string[] | undefined };

/** Who reads one secret. */
export interface RuleInput {
  /** Hosts and `@groups` that read it. Default: the hosts that consume it. */
  readonly hosts?: readonly string[] | undefined;
  /** Admins and `@groups` that read it. Default: all admins. */
  readonly admins?: readonly string[] | undefined;
  /** Whether the recovery keys read it. Default: true. */
  readonly recovery?: boolean | undefined;
  /** Write the file as text. Default: false. */
  readonly armored?: boolean | undefined;
}

/** What `secrets/secrets.ts` says: keys by name, and who reads what. */
export interface SecretsInput {
  /** The people who edit and rekey. Each reads every secret whose rule does not say otherwise. */
  readonly admins: Readonly<Record<string, KeysInput>>;
  /** Keys kept in a safe, for when every admin's is gone. */
  readonly recovery?: Readonly<Record<string, KeysInput>> | undefined;
  /** The hosts' SSH host keys (or age recipients), by the hosts' names. What is missing is taken from the hive. */
  readonly hosts?: Readonly<Record<string, KeysInput>> | undefined;
  /** Names for several hosts or admins at once; rules call them `@name`. */
  readonly groups?: Readonly<Record<string, readonly string[]>> | undefined;
  /**
   * The secrets by name: the file is the name and `.age`, below the folder of the secrets file. A list stands for
   * `{ hosts: list }`.
   */
  readonly rules: Readonly<Record<string, readonly string[] | RuleInput>>;
}

/** Rules in agenix's `secrets.nix`. */
export interface AgenixRules {
  readonly agenix: string;
}

/** What a secrets file exports. */
export type SecretsDefinition = SecretsInput | AgenixRules;

/**
 * Says who may read which secret; the default export of `secrets/secrets.ts`.
 *
 * @example
 * export default defineSecrets({
 *   admins: { alice: "ssh-ed25519 AAAA…" },
 *   recovery: { safe: "age1…" },
 *   hosts: { "web-1": "ssh-ed25519 AAAA…", "db-1": "ssh-ed25519 AAAA…" },
 *   groups: { web: ["web-1"] },
 *   rules: { "tls-key": ["@web"], "db/password": ["db-1", "@web"], "deploy-token": [] },
 * });
 */
export function defineSecrets(secrets: SecretsInput): SecretsInput {
  return secrets;
}

/**
 * Takes the rules from agenix's `secrets.nix`; the files are where it says, unchanged.
 * @param path from the folder of the secrets file.
 * @example export default agenixRules("secrets.nix");
 */
export function agenixRules(path: string): AgenixRules {
  return { agenix: path };
}
