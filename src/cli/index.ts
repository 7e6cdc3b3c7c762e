/** The command line: argv, loading the hive file, exit codes. */
export { EXIT_CODES } from "./exit-codes.ts";
export { cliErrorCodes } from "./errors.ts";
export { runCli } from "./run-cli.ts";
