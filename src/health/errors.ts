import { SkepError } from "#core";

/** When each error of the health layer happens. */
export const healthErrorCodes = {
  "health/failed": "one or more health checks did not pass before their deadline",
} as const;

export class HealthError extends SkepError<keyof typeof healthErrorCodes> {}
