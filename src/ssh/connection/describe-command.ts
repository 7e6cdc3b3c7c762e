import type { Argv } from "#core";
import { quoteArgv } from "#core";

const LENGTH = 80;

/** A command in a message: its command line on one line, cut short. */
export function describeCommand(argv: Argv): string {
  const line = quoteArgv(argv).replaceAll(/\s+/g, " ");
  return `\`${line.length <= LENGTH ? line : `${line.slice(0, LENGTH)}…`}\``;
}
