/** Many hosts: prepare closures, plan, limits, run, verdict. */
export type { ChosenReturn, ReturnWish } from "./back/choose-return.ts";
export type { Returns } from "./back/plan-returns.ts";
export { planReturns } from "./back/plan-returns.ts";
export type { RollBackOptions } from "./back/roll-back.ts";
export { rollBack } from "./back/roll-back.ts";
export type { KnownChange } from "./changes/known-change.ts";
export { changeId, knownOf } from "./changes/known-change.ts";
export { rolloutErrorCodes } from "./errors.ts";
export type { ExecEnding, ExecOptions, ExecOutput } from "./exec/exec-on-hosts.ts";
export { execOnHosts } from "./exec/exec-on-hosts.ts";
export type { CopyProgress, RolloutEvent, RolloutHappening } from "./events.ts";
export type { JournalHeader, JournalHost } from "./journal/journal-header.ts";
export { journalHeader } from "./journal/journal-header.ts";
export type { Resumption } from "./journal/journal-line.ts";
export { formatLine } from "./journal/journal-line.ts";
export type { Journal, OpenJournalOptions } from "./journal/open-journal.ts";
export { continueJournal, openJournal } from "./journal/open-journal.ts";
export type { HostStanding, JournalRead } from "./journal/read-journal.ts";
export { listRuns, parseJournal, readJournal } from "./journal/read-journal.ts";
export { runsFolder } from "./journal/runs-folder.ts";
export type { HostPorts } from "./host/host-ports.ts";
export type { KnownDeployment } from "./history/deployment-of.ts";
export { deploymentOf } from "./history/deployment-of.ts";
export type { RunHistory } from "./history/fleet-history.ts";
export { fleetHistory } from "./history/fleet-history.ts";
export type { HistoryEntry } from "./history/host-history.ts";
export { historyOf } from "./history/host-history.ts";
export type { BrokenLease } from "./host/break-lease.ts";
export { breakLease } from "./host/break-lease.ts";
export { holderOf } from "./host/settled-facts.ts";
export { checkedHost } from "./host/activation-scene.ts";
export type { SshOptions } from "./host/log-in.ts";
export { logIn } from "./host/log-in.ts";
export type { Outcome } from "./outcome.ts";
export { OUTCOMES } from "./outcome.ts";
export type { ResumeOutside, ResumeRunOptions } from "./resume/resume-run.ts";
export { BEGUN_SCRIPT } from "./resume/resume-begun.ts";
export { resumeRun } from "./resume/resume-run.ts";
export type { RollOutOptions } from "./roll-out.ts";
export { rollOut } from "./roll-out.ts";
export { hostsOfPlan, incompleteError } from "./plan/check-hive.ts";
export { PlanError } from "./plan/errors.ts";
export type {
  FleetPlan,
  HostPlan,
  PlannedHostChange,
  PlanWave,
  SecretsChange,
  SystemChange,
} from "./plan/fleet-plan.ts";
export { hasChanges } from "./plan/fleet-plan.ts";
export type { PlanFile } from "./plan/plan-file.ts";
export { formatPlan, parsePlan } from "./plan/plan-file.ts";
export type { LookAtFleetOptions, PlanFleetOptions } from "./plan/plan-fleet.ts";
export { lookAtFleet, planFleet } from "./plan/plan-fleet.ts";
export type { PlanPorts } from "./plan/plan-ports.ts";
export type { SecretVersionsSource } from "./plan/secret-versions.ts";
export { revivePolicy } from "./resume/resume-policy.ts";
export type { PreparedSecrets, SecretsSource } from "./prepare/prepare-secrets.ts";
export type { PlannedHost, PlannedSecrets, PlannedSystem, Prepared, RolloutPlan, Run } from "./rollout-plan.ts";
export { planRollout } from "./rollout-plan.ts";
export type { HostHistory, HostReport, RolloutReport } from "./rollout-report.ts";
export { isAsWanted, isUnfinished } from "./rollout-report.ts";
export type { RunRolloutOptions } from "./run-rollout.ts";
export { runRollout } from "./run-rollout.ts";
export type { Step } from "./steps.ts";
export { STEPS, stepsFor } from "./steps.ts";
export type { WantedSystem } from "./survey/evaluate-wanted.ts";
export { evaluateWanted } from "./survey/evaluate-wanted.ts";
export type { Drift } from "./survey/find-drift.ts";
export { describeSystem, findDrift } from "./survey/find-drift.ts";
export type { Visit, VisitHostsOptions } from "./visit-hosts.ts";
export { visitHosts } from "./visit-hosts.ts";
