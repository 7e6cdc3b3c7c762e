/** Many hosts: prepare closures, plan, limits, run, verdict. */
export { rolloutErrorCodes } from "./errors.ts";
export type { CopyProgress, RolloutEvent, RolloutHappening } from "./events.ts";
export type { SshOptions } from "./log-in.ts";
export type { Outcome } from "./outcome.ts";
export { OUTCOMES } from "./outcome.ts";
export type { RollOutOptions } from "./roll-out.ts";
export { rollOut } from "./roll-out.ts";
export type { PreparedSecrets, SecretsSource } from "./prepare-secrets.ts";
export type { PlannedHost, PlannedSecrets, PlannedSystem, Prepared, RolloutPlan, Run } from "./rollout-plan.ts";
export { planRollout } from "./rollout-plan.ts";
export type { HostHistory, HostReport, RolloutReport } from "./rollout-report.ts";
export type { RunRolloutOptions } from "./run-rollout.ts";
export { runRollout } from "./run-rollout.ts";
export type { Step } from "./steps.ts";
export { STEPS, stepsFor } from "./steps.ts";
export type { Visit, VisitHostsOptions } from "./visit-hosts.ts";
export { visitHosts } from "./visit-hosts.ts";
