import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import { ARTIFACTS_FOLDER } from "#hive";
import { deployOptions } from "../deploy/deploy-command.ts";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import { rolloutOptions } from "../options/rollout-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

// Who would answer?
const { confirm: _confirm, ...policyOptions } = rolloutOptions;
const { output, verbose, quiet, parallel, secrets, identity } = deployOptions;

/** The options of `skep ci` beside those of the hive and of SSH. */
export const ciOptions = {
  ...policyOptions,
  deploy: { type: "boolean", default: false, description: "Deploy the plan, too" },
  plan: {
    type: "string",
    requiresArg: true,
    description: "With --deploy: this plan, which was reviewed, and not a new one",
  },
  "max-age": deployOptions["max-age"],
  "allowed-signers": deployOptions["allowed-signers"],
  signer: deployOptions.signer,
  artifacts: {
    type: "string",
    default: ARTIFACTS_FOLDER,
    requiresArg: true,
    description: "The folder for what the pipeline keeps: plan.json, plan.md, junit.xml, report.html",
  },
  "exit-code": {
    type: "boolean",
    default: false,
    description: "Without --deploy: end with 10 where there are changes, as skep plan does",
  },
  parallel,
  "lease-timeout": {
    ...deployOptions["lease-timeout"],
    default: "3m",
    description: "How long to wait for hosts that another run holds, such as a job that was killed",
  },
  secrets,
  identity,
  output,
  verbose,
  quiet,
} as const;

export type CiArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof ciOptions>;

/** `skep ci`: the step of a pipeline. What does the work is loaded when it is needed. */
export function addCiCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "ci",
    "The step of a pipeline: check the secrets, evaluate, build, plan, and with --deploy deploy; asks nobody",
    (command) =>
      withSshOptions(withHiveOptions(command))
        .options(ciOptions)
        .group(Object.keys(policyOptions), "The rollout:")
        .epilogue("Exit codes are those of skep deploy; without --deploy changes are no failure. See docs/ci.md")
        .example("skep ci", "on a pull request: would this deploy, and what would it change?")
        .example("skep ci --deploy", "on a merge: plan, and deploy just that")
        .example("skep ci --deploy --plan reviewed/plan.json", "on a merge: what was reviewed, or nothing")
        .example("skep ci --deploy --wave @canary --wave rest --soak 5m", "a canary first"),
    async (args) => {
      const { ci } = await import("./ci.ts");
      finish(await ci(args, terminal));
    },
  );
}
