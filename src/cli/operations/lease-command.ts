import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of the commands on leases beside those of the hive and of SSH. */
export const leaseOptions = {
  parallel: { type: "number", requiresArg: true, description: "Hosts at one time; else the hive's limit" },
  json: { type: "boolean", default: false, description: "Print one JSON object a host" },
} as const;

export const leaseBreakOptions = {
  yes: { alias: "y", type: "boolean", default: false, description: "Do not ask" },
} as const;

export type LeaseArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof leaseOptions>;
export type LeaseBreakArguments = LeaseArguments & InferredOptionTypes<typeof leaseBreakOptions>;

/** `skep lease ls` and `skep lease break`. What does the work is loaded when it is needed. */
export function addLeaseCommands(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command("lease", "Say which runs hold hosts, or take hosts from them", (command) =>
    command
      .demandCommand(1, "no command was given after lease")
      .example("skep lease ls", "who holds which host")
      .command(
        "ls",
        "Say who holds each host, since when and for how long yet",
        (ls) =>
          withSshOptions(withHiveOptions(ls))
            .options(leaseOptions)
            .example("skep lease ls", "the whole fleet")
            .example("skep lease ls --on web-1 --json", "for a machine"),
        async (args) => {
          const { listLeases } = await import("./lease.ts");
          finish(await listLeases(args, terminal));
        },
      )
      .command(
        "break",
        "Take hosts from the runs that hold them, and set them free",
        (breaking) =>
          withSshOptions(withHiveOptions(breaking))
            .options({ ...leaseOptions, ...leaseBreakOptions })
            .epilogue(EXPLAINED)
            .example("skep lease break --on web-1", "asks first")
            .example("skep lease break --on web-1 --yes", "does not"),
        async (args) => {
          const { breakLeases } = await import("./lease.ts");
          finish(await breakLeases(args, terminal));
        },
      ),
  );
}

const EXPLAINED = `What the robbed run has under way on a host goes back first, as with skep deploy --steal-lease; the
run sees that it lost the host and leaves it alone. A lease that nobody renews expires by itself.`;
