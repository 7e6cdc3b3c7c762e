import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of `skep history` beside those of the hive and of SSH. */
export const historyOptions = {
  limit: { type: "number", default: 20, requiresArg: true, description: "How many of the newest to show" },
  parallel: { type: "number", requiresArg: true, description: "Hosts at one time; else the hive's limit" },
  json: { type: "boolean", default: false, description: "Print one JSON object a host; of the fleet, one a run" },
} as const;

export type HistoryArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof historyOptions>;

/** `skep history`: what was deployed, when and by whom. What does the work is loaded when it is needed. */
export function addHistoryCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "history",
    "Say what was deployed when and by whom: the runs of the fleet, or what --on's hosts had",
    (command) =>
      withSshOptions(withHiveOptions(command))
        .options(historyOptions)
        .example("skep history", "runs, from the journals here and from the hosts' own records")
        .example("skep history --on web-1", "the generations of a host, and who brought them"),
    async (args) => {
      const { history } = await import("./history.ts");
      finish(await history(args, terminal));
    },
  );
}
