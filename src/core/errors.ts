import { getSystemErrorMap } from "node:util";

/** Where an error belongs and what it is about: `layer/what`, e.g. `ssh/host-key-changed`. Stable; scripts may match on it. */
export type ErrorCode = `${string}/${string}`;

export interface SkepErrorOptions {
  /** What the operator can do about it, as one sentence without a capital or a full stop. */
  readonly hint?: string | undefined;
  /** The host it happened on. */
  readonly host?: string | undefined;
  readonly cause?: unknown;
}

/** A SkepError as reports carry it. */
export interface SkepErrorJson {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly host?: string;
  readonly cause?: string;
}

/**
 * The one base of every error skep raises on purpose. Each layer has one subclass whose codes are the keys of that
 * layer's catalogue. The message says what was attempted, on what, and why it failed.
 */
export class SkepError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code;
  readonly hint: string | undefined;
  readonly host: string | undefined;

  constructor(code: Code, message: string, options: SkepErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
    this.host = options.host;
  }

  toJSON(): SkepErrorJson {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.host === undefined ? {} : { host: this.host }),
      ...(this.cause === undefined ? {} : { cause: messageOf(this.cause) }),
    };
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === "") return thrown.errors.map(messageOf).join("; ");
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * Why a call of the operating system failed, without the call: `no space left on device`. Of anything else that was
 * thrown, its message.
 */
export function reasonOf(thrown: unknown): string {
  const errno = thrown instanceof Error && "errno" in thrown ? Number(thrown.errno) : Number.NaN;
  return getSystemErrorMap().get(errno)?.[1] ?? messageOf(thrown);
}

/** The errno-style code (`ENOENT`, `ECONNREFUSED`, …) of a thrown value, if it has one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
