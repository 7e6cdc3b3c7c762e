import { SkepError } from "#core";

/** When each error of secrets happens. */
export const secretsErrorCodes = {
  "secrets/rules-not-found": "there is no secrets file where it was looked for",
  "secrets/rules": "the secrets file is not valid; every problem is listed",
  "secrets/agenix": "an agenix secrets.nix could not be read",
  "secrets/recipient": "a text was taken for a recipient and is none, or one that cannot be used",
  "secrets/recipients": "these recipients cannot be encrypted to together, or there are none",
  "secrets/identity": "an identity file could not be read, or holds no identity that can be used",
  "secrets/passphrase": "a passphrase is wrong, or was needed and could not be asked for",
  "secrets/plugin": "an age plugin is not there, failed, or did not answer in time",
  "secrets/not-age": "a file is not in the age format",
  "secrets/damaged": "an age file was changed, or is cut short",
  "secrets/cannot-open": "none of the identities at hand opens a secret",
  "secrets/no-such-secret": "no rule names a secret",
  "secrets/stale": "a secret is not encrypted yet to a host that consumes it",
  "secrets/missing": "a secret has a rule and no file yet",
  "secrets/exists": "a secret was to be added and is there already",
  "secrets/empty": "a secret was to be given no content at all",
  "secrets/changed-meanwhile": "a file was changed by somebody else while it was worked on",
  "secrets/no-tmpfs": "there is no folder in memory to put plaintext into",
  "secrets/editor": "the editor, or the command that makes a secret's new content, failed",
  "secrets/lock-file": "the lock file of the secrets is malformed",
  "secrets/file": "a file of the secrets could not be read or written",
  "secrets/check": "the check of the secrets found problems; every one is listed",
} as const;

export class SecretsError extends SkepError<keyof typeof secretsErrorCodes> {}
