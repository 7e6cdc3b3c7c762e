import { resolve } from "node:path";
import type { PlanGoal } from "#hive";
import type { OutputFormat } from "#report";
import { planMarkdown, planText, useColors } from "#report";
import type { FleetPlan } from "#rollout";
import { formatPlan, planFleet } from "#rollout";
import { CliError } from "../errors.ts";
import type { ExitCode } from "../exit-codes.ts";
import { exitCodeOfPlan } from "../exit-codes.ts";
import type { HiveArguments, Selection } from "../options/hive-options.ts";
import { loadSelection } from "../options/hive-options.ts";
import type { LimitArguments } from "../options/limits-of.ts";
import { limitsOf } from "../options/limits-of.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { refuseIdleWaves } from "../options/refuse-idle-waves.ts";
import { refuseIdleOptions } from "../options/refuse-odd-options.ts";
import type { RolloutArguments } from "../options/rollout-options.ts";
import { policyOf, readDuration } from "../options/rollout-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import type { RulesArguments } from "../secrets/load-rules.ts";
import { repositorySecrets } from "../secrets/repository-secrets.ts";
import { forPeople } from "../terminal/for-people.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import { openReporter } from "../terminal/open-reporter.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { writeOutput } from "../terminal/write-output.ts";
import type { PlanArguments } from "./plan-command.ts";
import { signPlan } from "./ssh-signature.ts";

/** Plans what the command line selects, shows it, and returns the exit code. */
export async function plan(goal: PlanGoal, args: PlanArguments, terminal: Terminal): Promise<ExitCode> {
  refuseContradictions(args);
  refuseIdleOptions(goal, args);
  const selection = await loadSelection(args, terminal);
  const made = await makePlan(
    goal,
    selection,
    { ...args, output: "auto", keep: args.out !== undefined || args.json },
    terminal,
  );
  if (made === undefined) return 130;
  const signature =
    args.sign === undefined ? undefined : await signPlan(formatPlan(made), { key: resolve(terminal.cwd, args.sign) });
  const text = formatPlan(made, { signature });
  if (args.out !== undefined) await writeOutput(resolve(terminal.cwd, args.out), text, { what: "the plan" });
  const { stdout, env } = terminal;
  if (args.json) stdout.write(text);
  else if (args.markdown) stdout.write(planMarkdown(made));
  else
    forPeople(stdout, terminal).write(
      planText(made, { colors: useColors(stdout, env), columns: stdout.columns ?? COLUMNS_OF_A_FILE }),
    );
  return exitCodeOfPlan(made);
}

const COLUMNS_OF_A_FILE = 120;

/** What a plan is made of. */
export type MakePlanArguments = HiveArguments &
  SshArguments &
  RolloutArguments &
  RulesArguments &
  LimitArguments & {
    readonly verbose: boolean;
    readonly quiet: boolean;
    readonly output: OutputFormat;
    readonly "lease-timeout": string | undefined;
    /** Whether what it plans is kept on this machine, to be deployed later. */
    readonly keep: boolean;
  };

/** Plans with progress on standard error. Undefined when the operator stopped it. */
export async function makePlan(
  goal: PlanGoal,
  { hive, hosts }: Selection,
  args: MakePlanArguments,
  terminal: Terminal,
): Promise<FleetPlan | undefined> {
  const { stderr } = terminal;
  const policy = policyOf(hive, args, terminal);
  refuseIdleWaves(args.wave, { waves: policy.waves, hive, hosts });
  const limits = limitsOf(args);
  const leaseTimeoutMs = readDuration("lease-timeout", args["lease-timeout"]);
  await using reporter = openReporter(
    // Events of a plan are no result.
    { ...terminal, stdout: stderr },
    { format: args.output === "ndjson" ? "lines" : args.output, verbose: args.verbose, quiet: args.quiet },
  );
  using interrupts = listenForInterrupts(({ leave }) => {
    reporter.handle({ at: Date.now(), type: "interrupted", leave });
  });
  using secrets = hosts.some((host) => host.secrets.length > 0)
    ? await repositorySecrets({ ...hive, hosts }, args, terminal)
    : undefined;
  try {
    return await planFleet(hive, {
      ...{ goal, hosts, limits, policy, secrets, ssh: readSshOptions(args), reboot: args.reboot },
      leaseTimeoutMs,
      keep: args.keep,
      onEvent: (event) => {
        reporter.handle(event);
      },
      signal: interrupts.stop,
    });
  } catch (error) {
    if (interrupts.stop.aborted) return undefined;
    throw error;
  }
}

/** @throws CliError `cli/usage`. */
function refuseContradictions({ json, markdown, sign, out }: PlanArguments): void {
  const hint = "see skep plan --help";
  if (json && markdown) throw new CliError("cli/usage", "--json and --markdown do not go together", { hint });
  if (sign !== undefined && out === undefined && !json) {
    throw new CliError("cli/usage", "--sign signs a plan that is written: give --out FILE or --json too", { hint });
  }
}
