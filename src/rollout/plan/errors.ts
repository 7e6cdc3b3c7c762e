import { SkepError } from "#core";

/** When each error about a plan happens. */
export const planErrorCodes = {
  "rollout/moved": "a host runs something else than when the plan was made",
  "rollout/plan-file": "a file is not a plan that this version of skep can read",
  "rollout/plan-altered": "a plan is not as skep wrote it: its digest is another",
  "rollout/plan-too-old": "a plan is older than is allowed",
  "rollout/plan-signature": "a plan's signature is missing, wrong, or of somebody who may not sign",
  "rollout/plan-paths": "the store paths of a plan are not here any more, or are not the same",
  "rollout/plan-incomplete": "a plan has hosts that could not be looked at, so it is no whole",
  "rollout/plan-hive": "the hive does not fit the plan: hosts, addresses, waves or secrets are others",
} as const;

export class PlanError extends SkepError<keyof typeof planErrorCodes> {}
