import type { HiveRevision, LeaseHolder } from "#activation";
import type { KnownDeployment } from "#rollout";
import type { SeenHost } from "./status-text.ts";

/** What `skep status --json` says of one host. What is not known is left out; what is not there is null. */
export function statusJson(seen: SeenHost): object {
  const host = seen.host.name;
  if ("error" in seen) return { host, state: "unreachable", error: seen.error };
  const { state, found, wanted, deployment, drift, rebootNeed, secrets, problems } = seen.result;
  const { facts } = found;
  const { lease } = facts;
  return {
    ...{ host, state },
    running: facts.running ?? null,
    booted: facts.booted ?? null,
    profile: {
      path: facts.profile.path,
      generation: facts.profile.generation ?? null,
      system: facts.profile.system ?? null,
    },
    wanted: wanted === undefined ? undefined : "toplevel" in wanted.system ? wanted.system.toplevel : null,
    deployment: deployment === undefined ? null : deploymentJson(deployment),
    drift,
    rebootNeeded: rebootNeed ?? null,
    failedUnits: facts.failedUnits,
    lease: lease === undefined ? null : leaseJson(lease),
    secrets: {
      state: secrets,
      generation: facts.secrets.generation ?? null,
      set: facts.secrets.set ?? null,
      wanted: wanted === undefined ? undefined : "id" in wanted.secrets ? wanted.secrets.id : null,
      bootSet: facts.secrets.bootSet ?? null,
      waiting: facts.secrets.waiting,
    },
    problems,
  };
}

function deploymentJson({ record, hive }: KnownDeployment): object {
  const { run, goal, who, at, rollback = false } = record;
  return { run, goal, who, at, rollback, ...revisionJson(hive) };
}

export function revisionJson({ name, revision, dirty }: HiveRevision): object {
  return { hive: name, revision, dirty };
}

export function leaseJson({ run, owner, reason, takenAt, expiresInMs }: LeaseHolder): object {
  return { run, owner, reason, since: new Date(takenAt).toISOString(), expiresInMs };
}
