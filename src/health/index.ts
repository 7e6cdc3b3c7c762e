/** Is one host well: http, tcp, unit and command checks. */
export type { Answer, CheckedHost } from "./attempt.ts";
export { healthErrorCodes } from "./errors.ts";
export type { CheckResult, RunChecksOptions } from "./run-checks.ts";
export { assertHealthy, passingNow, runChecks } from "./run-checks.ts";
