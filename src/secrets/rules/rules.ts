import type { Recipient } from "../keys/recipient.ts";

/** Who a key belongs to. `key` is all that agenix says. */
export type ReaderRole = "admin" | "recovery" | "host" | "key";

/** One key that may read a secret. */
export interface Reader {
  readonly role: ReaderRole;
  /** As the rules call its owner. */
  readonly name: string;
  readonly retired: boolean;
  readonly recipient: Recipient;
}

/** One secret: where its file is and who may read it. */
export interface SecretRule {
  /** The path below the secrets' folder, without `.age`. */
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  readonly readers: readonly Reader[];
  readonly armored: boolean;
}

/** The rules, validated. */
export interface Rules {
  /** The folder that the secrets lie in, absolute. */
  readonly directory: string;
  /** In the order of the secrets file. */
  readonly secrets: readonly SecretRule[];
  /** What is not wrong, and better otherwise; one line each. */
  readonly warnings: readonly string[];
}

/** `admin alice`, `host web-1 (retired)`. */
export function describeReader({ role, name, retired }: Reader): string {
  return `${role} ${name}${retired ? " (retired)" : ""}`;
}
