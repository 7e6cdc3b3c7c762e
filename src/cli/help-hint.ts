import { CliError } from "./errors.ts";

/**
 * The error with where to read how its command is called, if nothing better is known: what reads options does not know whose.
 * @param command the words that call it: `["secrets", "check"]`.
 */
export function withHelpHint(error: unknown, command: readonly string[]): unknown {
  if (!(error instanceof CliError) || error.code !== "cli/usage" || error.hint !== undefined) return error;
  const help = ["skep", ...command, "--help"].join(" ");
  return new CliError(error.code, error.message, { hint: `see ${help}`, cause: error.cause });
}
