import { SkepError } from "#core";

/** When each error of the command line happens. */
export const cliErrorCodes = {
  "cli/usage": "the command line has a word or an option that skep does not know, or lacks one that it needs",
  "cli/file": "a file that the command line asks for cannot be written",
  "cli/output": "standard output takes nothing any more, for another reason than that its reader went away",
  "cli/robbed-stranded": "a lease was broken, and what its run had under way on the host could not go back",
  "cli/internal": "something in skep itself failed",
  "cli/init":
    "skep init cannot write its files, because some are there already or the secret has no key to be read with",
  "cli/sandbox": "none of the selected hosts can have a throw-away twin",
} as const;

export class CliError extends SkepError<keyof typeof cliErrorCodes> {}
