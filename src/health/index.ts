/** Is one host well: http, tcp, unit, command, baseline and custom checks; what was ill before; soak. */
export type { Answer, UnitRun } from "./attempt.ts";
export type { Baseline, BaselineAnswer } from "./baseline.ts";
export { passedBefore, passingNow, takeBaseline } from "./baseline.ts";
export type { CheckResult } from "./check-result.ts";
export { assertHealthy, detailsOf, noticesOf } from "./check-result.ts";
export type { CheckedHost } from "./checked-host.ts";
export { HealthError, healthErrorCodes } from "./errors.ts";
export type { RunChecksOptions } from "./run-checks.ts";
export { longestChecksMs, runChecks } from "./run-checks.ts";
