import { quoteWord } from "#core";
import type { Hive, Host, HostName } from "#hive";
import type { RolloutPlan } from "../rollout-plan.ts";
import { PlanError } from "./errors.ts";
import type { FleetPlan, PlanTarget } from "./fleet-plan.ts";
import { planTarget } from "./plan-host.ts";

/**
 * The hosts of the hive that a plan is about.
 * @throws PlanError `rollout/plan-hive` when the hive has not all of them, or has them elsewhere;
 *   `rollout/plan-incomplete`: others may be meant to follow a host that failed in the plan.
 */
export function hostsOfPlan(hive: Hive, plan: FleetPlan): readonly Host[] {
  if (plan.hive !== hive.name) throw differs(`the plan is of the hive ${plan.hive}, and this is ${hive.name}`);
  const incomplete = incompleteError(plan);
  if (incomplete !== undefined) throw incomplete;
  const names = new Set<HostName>(plan.hosts.map(({ host }) => host));
  const hosts = hive.hosts.filter(({ name }) => names.has(name));
  for (const { host, target } of plan.hosts) {
    const found = hosts.find(({ name }) => name === host);
    if (found === undefined) throw differs(`the hive has no ${host}, which the plan deploys to`);
    const now = planTarget(found);
    if (address(now) !== address(target)) {
      throw differs(`${host} was at ${address(target)} when the plan was made, and the hive has it at ${address(now)}`);
    }
  }
  return hosts;
}

/**
 * Why a plan in which hosts failed is not deployed: `rollout/plan-incomplete`. Undefined where none did.
 * @param options.command what makes plans: the hint is to call it again.
 */
export function incompleteError(
  { hosts }: FleetPlan,
  { command = "skep plan" }: { readonly command?: string | undefined } = {},
): PlanError | undefined {
  const failed = hosts.flatMap(({ host, status }) => (status === "failed" ? [host] : []));
  if (failed.length === 0) return undefined;
  const others = quoteWord(failed.map((name) => `!${name}`).join(" & "));
  return new PlanError(
    "rollout/plan-incomplete",
    `the plan has nothing for ${failed.join(", ")}, which failed in it, so nothing is deployed`,
    { hint: `make it again when they are well, or without them: ${command} --on ${others}` },
  );
}

/** @throws PlanError `rollout/plan-hive` when hosts would go in other waves, or in another order, than the plan says. */
export function refuseOtherWaves(plan: FleetPlan, { waves, after }: RolloutPlan): void {
  const told = plan.waves.map(({ name, hosts }) => ({ name, hosts }));
  const now = waves.map(({ name, hosts }) => ({ name, hosts: hosts.map(({ host }) => host.name) }));
  const isInOrder = ({ host, after: before }: FleetPlan["hosts"][number]): boolean =>
    JSON.stringify([...before].sort()) === JSON.stringify([...(after.get(host) ?? [])].sort());
  if (JSON.stringify(told) === JSON.stringify(now) && plan.hosts.every(isInOrder)) return;
  throw differs("its hosts would go in other waves, or in another order, than the plan says");
}

function address({ host, user, port, root }: PlanTarget): string {
  return `${user === null ? "" : `${user}@`}${host}${port === null ? "" : `:${port}`}${root}`;
}

function differs(message: string): PlanError {
  return new PlanError("rollout/plan-hive", message, {
    hint: "the hive was changed since the plan was made: check its revision out, or make a new plan",
  });
}
