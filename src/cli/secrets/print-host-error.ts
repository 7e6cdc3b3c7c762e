import type { ErrorCode, SkepErrorJson } from "#core";
import { SkepError } from "#core";
import { printError } from "../terminal/print-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Prints why a host could not be asked. */
export function printHostError({ code, message, hint, host }: SkepErrorJson, terminal: Terminal): Promise<void> {
  return printError(new SkepError(code as ErrorCode, message, { hint, host }), terminal);
}
