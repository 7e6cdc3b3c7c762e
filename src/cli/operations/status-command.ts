import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import { deployOptions } from "../deploy/deploy-command.ts";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of `skep status` beside those of the hive and of SSH. */
export const statusOptions = {
  eval: {
    type: "boolean",
    default: true,
    description: "Compare hosts with what the hive wants; --no-eval saves the evaluation, and asks the hosts alone",
  },
  "exit-code": { type: "boolean", default: false, description: "End with exit code 5 when some host has drifted" },
  watch: { type: "boolean", default: false, description: "Go on looking until Ctrl-C; the hive is evaluated once" },
  every: { type: "string", default: "5s", requiresArg: true, description: "How often --watch looks" },
  parallel: { type: "number", requiresArg: true, description: "Hosts at one time; else the hive's limit" },
  secrets: deployOptions.secrets,
  json: { type: "boolean", default: false, description: "Print one JSON object a host; with --watch, one a change" },
} as const;

export type StatusArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof statusOptions>;

/** `skep status`: what do the hosts run, and is it what the hive wants? What does the work is loaded when it is needed. */
export function addStatusCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "status",
    "Say what hosts run, who deployed it, and what is not as it should be; changes nothing",
    (command) =>
      withSshOptions(withHiveOptions(command))
        .options(statusOptions)
        .epilogue(STATES_EXPLAINED)
        .example("skep status", "the whole fleet")
        .example("skep status --no-eval", "the hosts alone: at once, also where evaluating takes minutes")
        .example("skep status --exit-code >/dev/null", "in a script: exit code 5 when some host has drifted")
        .example('skep status --on "@web" --watch', "every 5 seconds, until Ctrl-C"),
    async (args) => {
      const { status } = await import("./status.ts");
      finish(await status(args, terminal));
    },
  );
}

const STATES_EXPLAINED = `States, of which a host has the first that fits:
  unreachable  nobody could ask it; exit code 5
  deploying    a run holds it, and it is not as it should be; no drift yet
  drift        it runs or boots another system, or has other secrets, than it should
  unknown      what the hive wants of it could not be evaluated; exit code 3
  unwell       some of its units have failed
  ok           none of that`;
