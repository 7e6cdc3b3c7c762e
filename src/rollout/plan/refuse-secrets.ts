import type { HostName } from "#hive";
import type { PreparedSecrets } from "../prepare/prepare-secrets.ts";
import { toErrorJson } from "../to-error-json.ts";
import { PlanError } from "./errors.ts";
import type { FleetPlan } from "./fleet-plan.ts";

/** The secrets of hosts, but an error for those whose secrets are not the ones of the plan. */
export function refuseOtherSecrets(
  read: ReadonlyMap<HostName, PreparedSecrets>,
  plan: FleetPlan,
): ReadonlyMap<HostName, PreparedSecrets> {
  const planned = new Map(plan.hosts.flatMap((one) => (one.status === "failed" ? [] : [[one.host, one.to.secrets]])));
  return new Map(
    [...read].map(([name, prepared]) => {
      if ("error" in prepared || prepared.secrets.id === planned.get(name)) return [name, prepared];
      const error = new PlanError("rollout/plan-hive", "its secrets are not the ones of the plan any more", {
        hint: "they were changed or encrypted anew since: check the plan's revision out, or make a new plan",
      });
      return [name, { error: toErrorJson(error, name) }];
    }),
  );
}
