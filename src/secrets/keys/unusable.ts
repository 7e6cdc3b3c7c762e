import { SecretsError } from "../errors.ts";

/** An error for an identity file that is of no use. */
export function unusable(file: string, why: string, hint?: string): SecretsError {
  return new SecretsError("secrets/identity", `cannot open secrets with ${file}: ${why}`, { hint });
}
