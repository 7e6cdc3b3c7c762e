import { SkepError } from "#core";
import { journalErrorCodes } from "./journal/errors.ts";
import { planErrorCodes } from "./plan/errors.ts";

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
  "rollout/no-earlier": "a host was to go back, and has no record of a deployment before the one it runs",
  "rollout/no-such-deployment": "a host was to go back to a generation or a run that it does not know",
  "rollout/collected": "a host was to go back to a system that its store does not have any more",
  "rollout/rollback-moved": "a host was changed by somebody else after it was decided where it goes back to",
  "rollout/lease-changed": "the lease of a host was to be broken, and another run than the one that was seen holds it",
  ...journalErrorCodes,
  ...planErrorCodes,
  "rollout/internal": "something in skep itself failed",
} as const;

export class RolloutError extends SkepError<keyof typeof rolloutErrorCodes> {}
