import { SkepError } from "#core";

/** Every code a {@link NativeError} can carry, and when it happens. */
export const nativeErrorCodes = {
  "native/package": "a package could not be made of what the hive names",
  "native/unknown-package": "a template speaks of a package that the system does not have",
  "native/circular": "the text of a package needs the package's own path, or goes in a circle with others",
  "native/template": "a template failed, or made something that cannot be used where it stands",
  "native/conflict": "two parts of a system want the same place in /etc",
  "native/program": "a service is to run a program that its package does not have",
} as const;

/** What is wrong with a system made without Nix that shows only when it is evaluated for a host. */
export class NativeError extends SkepError<keyof typeof nativeErrorCodes> {}
