/** What changes on one host: probe, lease, the on-host agent, GC roots, the deployment record. */
export type { AgentOrder, AgentState, AgentStatus, FollowOptions, Verdict } from "./agent.ts";
export { decideAgent, FINAL_STATES, followAgent, longestAgentMs, startAgent, turnBackAgent } from "./agent.ts";
export { describeCause } from "./describe-cause.ts";
export type { DeploymentRecord, HiveRevision } from "./deployment-record.ts";
export { dryActivate } from "./dry-activate.ts";
export { ActivationError, activationErrorCodes } from "./errors.ts";
export { protectClosure } from "./gc-roots.ts";
export type { HostAccess } from "./host-access.ts";
export type { AcquireLeaseOptions, LeaseHolder, LeaseRequest } from "./lease.ts";
export { acquireLease, releaseLease, renewLease } from "./lease.ts";
export type { HostFacts, ProfileFacts, SecretsFacts } from "./probe-host.ts";
export { probeHost } from "./probe-host.ts";
export type { InstalledSecrets, InstallSecretsOptions, SecretProblem } from "./secrets/install-secrets.ts";
export { installSecrets, trySecrets } from "./secrets/install-secrets.ts";
export type { KeptGeneration, KeptSecret, KeptSecrets, ReadSecretsOptions } from "./secrets/read-secrets.ts";
export { readSecrets } from "./secrets/read-secrets.ts";
export type { HostSecret, SecretContent, SecretSet, SecretVersion } from "./secrets/secret-set.ts";
export { makeSecretSet, NO_SECRETS, secretSetId } from "./secrets/secret-set.ts";
