import type { Argv } from "#core";
import type { Check, CommandCheck } from "#hive";

const PROGRAM = "skep-simulated-check";

/**
 * A check as it is on a simulated host: tried as often and for as long, but answered by the host itself. What it would
 * ask really is not asked.
 */
export function standInCheck(check: Check): CommandCheck {
  const { name, periodMs, timeoutMs, deadlineMs, passes, failures, required } = check;
  return {
    ...{ name, periodMs, timeoutMs, deadlineMs, passes, failures, required },
    kind: "command",
    argv: [PROGRAM, name],
    on: "host",
  };
}

/** The name of the check that a command is for. */
export function checkNameIn([program, name]: Argv): string | undefined {
  return program === PROGRAM ? name : undefined;
}
