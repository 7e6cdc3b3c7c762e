import { localTime } from "#core";
import type { Goal } from "#hive";
import { plainLine } from "#report";
import { hostsOfPlan, revivePolicy } from "#rollout";
import type { DeployArguments } from "../deploy/deploy-command.ts";
import type { Deployment } from "../deploy/deploy.ts";
import { CliError } from "../errors.ts";
import { loadHive } from "../hive/load-hive.ts";
import { rolloutOptions } from "../options/rollout-options.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { ReadPlanArguments } from "./read-plan.ts";
import { readPlan } from "./read-plan.ts";

/**
 * Reads a plan and finds its hosts in the hive. Goal, hosts, waves and policy are the plan's.
 * @throws PlanError; CliError `cli/usage` when another goal is wanted.
 */
export async function loadPlanned(
  goal: Goal,
  args: ReadPlanArguments & Pick<DeployArguments, "hive" | "quiet">,
  terminal: Terminal,
): Promise<Deployment> {
  const plan = await readPlan(args, terminal);
  if (goal !== "switch" && goal !== plan.goal) {
    throw new CliError("cli/usage", `the goal is ${goal}, and the plan's is ${plan.goal}`, { hint: "leave it out" });
  }
  const { cwd, env, stderr } = terminal;
  const hive = await loadHive({ file: args.hive, cwd, env });
  const hosts = hostsOfPlan(hive, plan);
  const { id, madeBy, madeAt } = plan;
  if (!args.quiet) {
    const told = plainLine(`plan ${id}, made by ${madeBy} at ${localTime(Date.parse(madeAt))}`);
    stderr.write(`skep: notice: ${told}\n`);
  }
  return {
    goal: plan.goal,
    selection: { hive, hosts },
    policy: revivePolicy(plan.policy, hive.rollout),
    reboot: plan.reboot,
    saved: plan,
  };
}

type OtherwiseArguments = Pick<DeployArguments, "on"> &
  Partial<Pick<DeployArguments, keyof typeof rolloutOptions | "sandbox">>;

/** @throws CliError `cli/usage` for what the plan has said already. */
export function refuseOtherwise(goal: Goal, args: OtherwiseArguments): void {
  const given = (["on", ...Object.keys(rolloutOptions)] as (keyof OtherwiseArguments)[]).find((name) => {
    const value = args[name];
    return value !== undefined && value !== false;
  });
  const said = given ?? (args.sandbox === true ? "sandbox" : undefined);
  if (said === undefined) return;
  throw new CliError("cli/usage", `--${said} does not go with --plan: the plan says what is done, and to which hosts`, {
    hint: `make another plan with skep plan${goal === "switch" ? "" : ` ${goal}`}`,
  });
}
