import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import { deployOptions } from "../deploy/deploy-command.ts";
import { hiveOptions } from "../options/hive-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

const {
  parallel,
  "steal-lease": stealLease,
  "lease-timeout": leaseTimeout,
  secrets,
  identity,
  output,
  junit,
  json,
  verbose,
  quiet,
} = deployOptions;

/** The options of `skep resume` beside those of SSH. */
export const resumeOptions = {
  hive: hiveOptions.hive,
  revert: {
    type: "boolean",
    default: false,
    description: "Take the run back: refuse what is under way, and return what it deployed to what was there before",
  },
  new: {
    type: "boolean",
    default: true,
    description: "Deploy hosts that were not begun; --no-new skips them",
  },
  verify: { type: "boolean", default: false, description: "Look at hosts that ended before, too" },
  "steal-lease": stealLease,
  "lease-timeout": leaseTimeout,
  ...{ parallel, secrets, identity, output, junit, json, verbose, quiet },
} as const;

export type ResumeArguments = SshArguments & InferredOptionTypes<typeof resumeOptions>;

/** `skep runs [run]`, what was done, and `skep resume [run]`, which goes on where one was broken off. */
export function addRunsCommands(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "runs [run]",
    "List the runs of the hive, or show one",
    (command) =>
      command
        .positional("run", { type: "string", description: "The name of a run; else all of them, the newest first" })
        .options({ hive: hiveOptions.hive })
        .option("json", { type: "boolean", default: false, description: "Print JSON" })
        .example("skep runs", "what was deployed when, by whom, and how it ended")
        .example("skep runs 20260131-142501-3f9a", "one run, host by host and step by step"),
    async (args) => {
      const { runs } = await import("./runs.ts");
      finish(await runs(args, terminal));
    },
  );
  parser.command(
    "resume [run]",
    "Go on with a run that was broken off or interrupted, or take it back",
    (command) =>
      (withSshOptions(command).options(resumeOptions) as unknown as Yargs<ResumeArguments>)
        .positional("run", { type: "string", description: "The name of a run; else the newest that did not end" })
        .example("skep resume", "after a crash, a lost laptop or Ctrl-C")
        .example("skep resume --no-new", "finish what is under way, and begin nothing")
        .example("skep resume --revert", "take back what the run did"),
    async (args) => {
      const { resume } = await import("./resume.ts");
      finish(await resume(args, terminal));
    },
  );
}
