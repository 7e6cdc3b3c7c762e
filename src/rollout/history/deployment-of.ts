import type { DeploymentRecord, HiveRevision, HostState } from "#activation";
import type { StorePath } from "#store";

/** The deployment that brought a system to a host, as the host's record has it. */
export interface KnownDeployment {
  readonly record: DeploymentRecord;
  /** Which version of the hive the system was made of; of one that was brought back, that of its first deployment. */
  readonly hive: HiveRevision;
}

/** The newest deployment of a system that a host has a record of; undefined when it has none, as of what others installed. */
export function deploymentOf(
  { deployments }: Pick<HostState, "deployments">,
  system: StorePath | undefined,
): KnownDeployment | undefined {
  const those = deployments.filter(({ to }) => to === system);
  const [record] = those;
  if (record === undefined) return undefined;
  return { record, hive: (those.find((one) => !tookBack(one)) ?? record).hive };
}

/** Whether a deployment took a host back to what it had. */
export function tookBack({ rollback, run }: DeploymentRecord): boolean {
  // Those of a run that was reverted said so by their names alone once.
  return rollback === true || run.endsWith("-revert");
}
