import { SkepError } from "#core";
import { journalErrorCodes } from "./journal/errors.ts";

/** When each error of the rollout layer happens. */
export const rolloutErrorCodes = {
  "rollout/interrupted": "the operator stopped the run before the host was done",
  "rollout/unreachable": "the host could not be reached again after its activation had begun",
  "rollout/stranded": "the host could not go back to the system it ran before",
  "rollout/nothing-to-go-back-to": "the first deployment of a host failed, and it ran no system of ours before",
  "rollout/no-secrets": "a host consumes secrets, and there is no secrets file to read them from",
  "rollout/no-system": "secrets alone were to be installed on a host that runs no system of ours",
  "rollout/reverted": "a host was well, and went back because too many others were not",
  "rollout/not-reverted": "a host was to go back with the others of its run, and could not",
  ...journalErrorCodes,
  "rollout/internal": "something in skep itself failed",
} as const;

export class RolloutError extends SkepError<keyof typeof rolloutErrorCodes> {}
