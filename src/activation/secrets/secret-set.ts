/**
 * A *set*: all secrets of one host and how it is to have them, as one value. Its manifest on the host, fields with tabs
 * between and `-` where there is nothing to say:
 *
 *     skep-secrets  1
 *     set           id
 *     identity      path
 *     secret        number  host|operator  name  mode  owner  group  path  restart  reload
 *
 * Units are separated by commas. The ciphertext of a secret is beside it in `<number>.age`. To a generation's own copy
 * the host adds `system <store path>` and a line `waiting <name>` for each secret that only the operator can open.
 *
 * The id is made from the manifest and the ciphertexts, also of what the operator opens: nothing of a plaintext is in it.
 */
import { createHash } from "node:crypto";
import type { Redacted } from "#core";
import type { SecretUse } from "#hive";

/** A secret on its way to a host. */
export interface HostSecret {
  readonly use: SecretUse;
  readonly content: SecretContent;
}

/** What travels: a binary age file for the host to open, or what is to be in the host's memory. */
export type SecretContent =
  | Extract<SecretVersion, { readonly open: "host" }>
  | (Extract<SecretVersion, { readonly open: "operator" }> & { readonly plaintext: Redacted<Uint8Array> });

/** What tells one content of a secret from another. Needs no private key. */
export type SecretVersion =
  | { readonly open: "host"; readonly ciphertext: Uint8Array }
  | {
      readonly open: "operator";
      /** Changes with the ciphertext that it is opened from. */
      readonly version: string;
    };

export interface SecretSet {
  /** 32 hex digits, or {@link NO_SECRETS}. */
  readonly id: string;
  readonly manifest: string;
  /** In the order of their numbers. */
  readonly secrets: readonly HostSecret[];
}

/** The id of the set of a host without secrets. */
export const NO_SECRETS = "none";

export function makeSecretSet(secrets: readonly HostSecret[], host: IdentityPaths): SecretSet {
  const id = secretSetId(secrets, host);
  const lines = linesOf(secrets, host);
  const manifest = ["skep-secrets\t1", `set\t${id}`, ...lines].map((line) => `${line}\n`).join("");
  return { id, manifest, secrets };
}

/** The id that the set of these secrets has, whoever opens them. */
export function secretSetId(secrets: readonly VersionedUse[], host: IdentityPaths): string {
  if (secrets.length === 0) return NO_SECRETS;
  return hashOf([...linesOf(secrets, host), ...secrets.map(({ content }) => versionOf(content))]);
}

interface IdentityPaths {
  readonly identityPaths: readonly string[];
}

interface VersionedUse {
  readonly use: SecretUse;
  readonly content: SecretVersion;
}

function linesOf(secrets: readonly VersionedUse[], { identityPaths }: IdentityPaths): readonly string[] {
  return [
    ...identityPaths.map((path) => ["identity", path]),
    ...secrets.map(({ use, content }, number) => ["secret", String(number), secretLine(use, content)]),
  ].map((fields) => fields.join("\t"));
}

/** How a host is to have a secret: its line of the manifest from the third field on. */
export function secretLine(use: SecretUse, { open }: Pick<SecretVersion, "open">): string {
  const { name, mode, owner, group = "-", path = "-" } = use;
  return [open, name, mode, owner, group, path, unitsField(use.restart), unitsField(use.reload)].join("\t");
}

function unitsField(units: readonly string[]): string {
  return units.length === 0 ? "-" : units.join(",");
}

function versionOf(content: SecretVersion): string {
  return content.open === "operator" ? content.version : createHash("sha256").update(content.ciphertext).digest("hex");
}

function hashOf(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 32);
}
