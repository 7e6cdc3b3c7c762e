import { SkepError } from "#core";

/** When each error of the sandbox happens. */
export const sandboxErrorCodes = {
  "sandbox/hosts": "the names asked for cannot be the names of sandbox hosts",
  "sandbox/folder": "the sandbox's folder could not be made, or belongs to something else",
  "sandbox/port": "no loopback port was free for a sandbox host",
  "sandbox/start": "a sandbox host could not be started",
} as const;

export class SandboxError extends SkepError<keyof typeof sandboxErrorCodes> {}
