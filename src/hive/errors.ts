import { SkepError } from "#core";

/** Every code a {@link HiveError} may carry, with when it happens. All of them end the program with exit code 2. */
export const hiveErrorCodes = {
  "hive/not-found": "there is no hive file where it was looked for",
  "hive/load": "the hive file, or something it imports, could not be run to its end",
  "hive/invalid": "what the hive file exports is not a hive; every problem is listed with its path",
  "hive/selection-syntax": "the selection of hosts cannot be read",
  "hive/no-such-host": "a name or glob in the selection matches no host",
  "hive/no-such-tag": "a tag in the selection is carried by no host",
  "hive/nothing-selected": "every term of the selection matches some host, but all of them together match none",
} as const;

/** What the user said cannot be used: a hive that is missing, broken or invalid, or a selection that makes no sense. */
export class HiveError extends SkepError<keyof typeof hiveErrorCodes> {}
