import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import { deployOptions } from "../deploy/deploy-command.ts";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import { rolloutOptions } from "../options/rollout-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

const {
  parallel,
  "limit-activate": limitActivate,
  "steal-lease": stealLease,
  "lease-timeout": leaseTimeout,
} = deployOptions;
const { output, json, verbose, quiet } = deployOptions;

/** The options of `skep rollback` beside those of the hive and of SSH. */
export const rollbackOptions = {
  to: { type: "number", requiresArg: true, description: "The number of a generation of the host's" },
  run: { type: "string", requiresArg: true, description: "The name of a run: to what it brought" },
  "dry-run": { type: "boolean", default: false, description: "Only say where the hosts would go back to" },
  ...rolloutOptions,
  ...{
    parallel,
    "limit-activate": limitActivate,
    "steal-lease": stealLease,
    "lease-timeout": leaseTimeout,
    output,
    json,
    verbose,
    quiet,
  },
} as const;

export type RollbackArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof rollbackOptions>;

/** `skep rollback`: back to what hosts had. What does the work is loaded when it is needed. */
export function addRollbackCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "rollback",
    "Take hosts back to a system they had: test, prove, commit, as any deployment",
    (command) =>
      withSshOptions(withHiveOptions(command))
        .options(rollbackOptions)
        .epilogue(EXPLAINED)
        .example("skep rollback --on web-1", "to the deployment before the one it runs")
        .example('skep rollback --on "@web" --dry-run', "where would they go?")
        .example("skep rollback --on web-1 --to 41", "to a generation: skep history --on web-1 lists them")
        .example('skep rollback --on "*" --run 20260131-142501-3f9a', "to what that run brought"),
    async (args) => {
      const { rollback } = await import("./rollback.ts");
      finish(await rollback(args, terminal));
    },
  );
}

const EXPLAINED = `The deployment before is the one that the host's own records name, and never just the generation
with the number before. A deployment that was gone back from does not count: rolling back again goes
one further back. The system becomes a new generation, with the secrets that it had last.
To undo one run on all its hosts: skep resume --revert RUN`;
