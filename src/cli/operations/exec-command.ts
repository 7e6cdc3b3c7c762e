import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of `skep exec` beside those of the hive and of SSH. */
export const execOptions = {
  sudo: { type: "boolean", default: false, description: "As root, by the hosts' elevation; else as the login user" },
  timeout: { type: "string", requiresArg: true, description: "How long the command may take on a host, such as 30s" },
  parallel: { alias: "p", type: "number", requiresArg: true, description: "Hosts at one time; else the hive's limit" },
  json: {
    type: "boolean",
    default: false,
    description: "Print one JSON object a host, with all that was printed there",
  },
} as const;

export type ExecArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof execOptions>;

/** `skep exec`: one command on many hosts. What does the work is loaded when it is needed. */
export function addExecCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "exec",
    "Run a command on hosts: skep exec --on SELECTION -- COMMAND [ARGUMENT…]",
    (command) =>
      withSshOptions(withHiveOptions(command))
        .options(execOptions)
        .usage("$0 exec --on SELECTION [options] -- COMMAND [ARGUMENT…]")
        .epilogue(EXPLAINED)
        .example('skep exec --on "@web" -- uptime', "each line with its host before it")
        .example("skep exec --on db-1 --sudo -- systemctl restart postgresql", "as root")
        .example(`skep exec --on "*" -- sh -c 'df -h / | tail -1'`, "a pipe needs a shell")
        .example('skep exec --on "*" --timeout 10s --json -- cat /etc/os-release', "for a machine"),
    async (args) => {
      const { exec } = await import("./exec.ts");
      const words: unknown = args["--"];
      finish(await exec(args, { words: Array.isArray(words) ? words.map(String) : [], terminal }));
    },
  );
}

const EXPLAINED = `The arguments get to the command as they are given, through no shell but the one that starts it;
its standard input is empty. Exit code 0 when it ended with 0 on every host, else 5; what happened
where is said on standard error. Ctrl-C, --timeout and a lost connection end it on the hosts, too:
first with TERM, and after 5 seconds with KILL.`;
