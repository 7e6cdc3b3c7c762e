import { SkepError } from "#core";

/** When each error about the journals of runs happens. */
export const journalErrorCodes = {
  "rollout/journal": "the journal of a run cannot be read",
  "rollout/hive-changed": "a run that is resumed would bring a host to another system than it began with",
  "rollout/not-resumed": "what a run left under way on a host cannot be finished",
} as const;

export class JournalError extends SkepError<keyof typeof journalErrorCodes> {}
