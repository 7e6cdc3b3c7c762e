import { SkepError } from "#core";
import type { SkepErrorOptions } from "#core";

/** When each error of the health layer happens. */
export const healthErrorCodes = {
  "health/failed": "one or more health checks did not pass before their deadline, or failed during the soak",
} as const;

export class HealthError extends SkepError<keyof typeof healthErrorCodes> {
  /** Lines of the host's journal that may tell why. */
  readonly details: readonly string[];

  constructor(
    code: keyof typeof healthErrorCodes,
    message: string,
    { details = [], ...options }: SkepErrorOptions & { readonly details?: readonly string[] | undefined } = {},
  ) {
    super(code, message, options);
    this.details = details;
  }
}
