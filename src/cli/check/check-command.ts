import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of `skep check` beside those of the hive and of SSH. */
export const healthOptions = {
  wait: {
    type: "boolean",
    default: false,
    description: "Try checks that fail until their deadlines, as a deployment does",
  },
  watch: { type: "boolean", default: false, description: "Go on checking until Ctrl-C, and show what changes" },
  every: { type: "string", default: "5s", requiresArg: true, description: "How often --watch checks" },
  parallel: { type: "number", requiresArg: true, description: "Hosts at one time; else the hive's limit" },
  json: { type: "boolean", default: false, description: "Print one JSON object a host; with --watch, one a change" },
} as const;

export type CheckArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof healthOptions>;

/** `skep check`: are the hosts well? What does the work is loaded when it is needed. */
export function addCheckCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "check",
    "Run the hosts' health checks, and nothing else",
    (command) =>
      withSshOptions(withHiveOptions(command))
        .options(healthOptions)
        .epilogue("Exit code 0: every check passed; 5: some did not, or some host could not be reached.")
        .example("skep check", "the whole fleet; exit code 5 when a check fails")
        .example('skep check --on "@web" --watch', "every 5 seconds, until Ctrl-C"),
    async (args) => {
      const { checkHosts } = await import("./check.ts");
      finish(await checkHosts(args, terminal));
    },
  );
}
