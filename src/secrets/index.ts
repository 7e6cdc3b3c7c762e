/** Secrets: the age format, who may read what, and the files that hold it. */
export { binaryAge } from "./age/binary.ts";
export { openBytes, openStream, prepareToOpen } from "./age/open.ts";
export type { SealInput, SealOptions } from "./age/seal.ts";
export { sealAll, sealBytes, sealStream } from "./age/seal.ts";
export type {
  FileKeyUnwrapper,
  FileKeyWrapper,
  LockedUnwrapper,
  Opener,
  Stanza,
  WrappedByProgram,
  WrappingProgram,
} from "./age/stanza.ts";
export { isInMemory } from "./editing/is-in-memory.ts";
export type { PlaintextFileOptions } from "./editing/plaintext-file.ts";
export { readSwaps, withPlaintextFile } from "./editing/plaintext-file.ts";
export { SecretsError, secretsErrorCodes } from "./errors.ts";
export type { Identity, IdentityOptions } from "./keys/identity.ts";
export { parseIdentities } from "./keys/identity.ts";
export type { KeyPair } from "./keys/generate-identity.ts";
export { generateIdentity } from "./keys/generate-identity.ts";
export type { AskPassphrase } from "./keys/passphrase.ts";
export type { Plugins } from "./keys/plugins/identities.ts";
export { usePlugins } from "./keys/plugins/identities.ts";
export type { PluginOptions, PluginPrompts, PromptChoices, PromptContext } from "./keys/plugins/options.ts";
export type { Recipient, RecipientKind } from "./keys/recipient.ts";
export { parseRecipient } from "./keys/recipient.ts";
export { passphraseIdentity } from "./keys/scrypt.ts";
export { Plaintext } from "./plaintext.ts";
export { CHANGED_KEY_HINT, describeChanged, sortDifference } from "./repository/changed-keys.ts";
export type { CheckOptions, Finding } from "./repository/check.ts";
export { checkRepository, describeKeys } from "./repository/check.ts";
export type { Difference } from "./repository/compare-readers.ts";
export type { KeyNames, KnownFile, Lock, LockEntry } from "./repository/lock-file.ts";
export type { OpenedSecret } from "./repository/open-secret.ts";
export { openSecret } from "./repository/open-secret.ts";
export type { PlanRekeyOptions, RekeyOptions, RekeyStep } from "./repository/rekey.ts";
export { planRekey, rekey } from "./repository/rekey.ts";
export type { ReplaceOptions, ReplaceStep } from "./repository/replace-files.ts";
export type { FileState, Repository, SecretState } from "./repository/repository.ts";
export { findSecret, isStale, readRepository } from "./repository/repository.ts";
export type { WriteSecretOptions } from "./repository/write-secret.ts";
export { writeSecret } from "./repository/write-secret.ts";
export type { AgenixOptions } from "./rules/agenix.ts";
export { parseAgenixRules } from "./rules/agenix.ts";
export type { AgenixRules, KeysInput, RuleInput, SecretsDefinition, SecretsInput } from "./rules/definition.ts";
export { agenixRules, defineSecrets } from "./rules/definition.ts";
export type { Consumers, ParseRulesOptions } from "./rules/parse-rules.ts";
export { parseRules } from "./rules/parse-rules.ts";
export type { Reader, ReaderRole, Rules, SecretRule } from "./rules/rules.ts";
export { describeReader } from "./rules/rules.ts";
