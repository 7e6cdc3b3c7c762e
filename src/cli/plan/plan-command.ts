import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import { PLAN_GOALS } from "#hive";
import { deployOptions } from "../deploy/deploy-command.ts";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import { rolloutOptions } from "../options/rollout-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

const { parallel, secrets, verbose, quiet } = deployOptions;

/** The options of `skep plan` beside those of the hive and of SSH. */
export const planOptions = {
  ...rolloutOptions,
  parallel,
  "limit-evaluate": deployOptions["limit-evaluate"],
  "limit-build": deployOptions["limit-build"],
  "lease-timeout": {
    ...deployOptions["lease-timeout"],
    description: "How long to wait for hosts that a run holds, such as 5m; else they are planned as they are",
  },
  secrets,
  out: {
    type: "string",
    requiresArg: true,
    description: "Also write the plan to this file, for skep deploy --plan",
  },
  sign: {
    type: "string",
    requiresArg: true,
    description: "An SSH key (or a public key whose private half the agent has) to sign the plan with",
  },
  json: { type: "boolean", default: false, description: "Print the plan as JSON, as --out writes it" },
  markdown: { type: "boolean", default: false, description: "Print the plan as Markdown, for a pull request" },
  verbose,
  quiet,
} as const;

export type PlanArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof planOptions>;

/** `skep plan [goal]`: what `skep deploy [goal]` would change. What does the work is loaded when it is needed. */
export function addPlanCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "plan [goal]",
    "Say what a deployment would change, and change nothing",
    (command) =>
      withSshOptions(withHiveOptions(command))
        .options(planOptions)
        .positional("goal", {
          choices: PLAN_GOALS,
          default: "switch" as const,
          description: "How far the deployment would go; see skep deploy --help",
        })
        .epilogue(
          "Exit code 0: there is nothing to do. 10: there are changes. Else something failed, as in docs/errors.md.",
        )
        .example("skep plan", "what skep deploy would do, host by host")
        .example('skep plan --on "@web" --markdown', "for a pull request")
        .example("skep plan --out plan.json", "to be reviewed, then: skep deploy --plan plan.json")
        .example("skep plan --out plan.json --sign ~/.ssh/id_ed25519", "so that it can be told who made it"),
    async (args) => {
      const { plan } = await import("./plan.ts");
      finish(await plan(args.goal, args, terminal));
    },
  );
}
