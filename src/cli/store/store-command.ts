import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of `skep gc` beside those of the hive and of SSH. */
export const gcOptions = {
  keep: { type: "number", default: 5, requiresArg: true, description: "How many of the newest generations stay" },
  "dry-run": { type: "boolean", default: false, description: "Only say what would go" },
} as const;

const json = { type: "boolean", default: false, description: "Print one JSON object a host" } as const;

/** What the commands on hosts' stores are told. */
export type StoreArguments = HiveArguments & SshArguments & InferredOptionTypes<{ json: typeof json }>;
export type GcArguments = StoreArguments & InferredOptionTypes<typeof gcOptions>;

/** `skep gc` and `skep store verify`: the stores of hosts without Nix. What does the work is loaded when it is needed. */
export function addStoreCommands(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "gc",
    "Remove old generations and what nothing needs any more from hosts without Nix",
    (command) =>
      withSshOptions(withHiveOptions(command))
        .options({ ...gcOptions, json })
        .example("skep gc --keep 5", "on the whole fleet")
        .example("skep gc --dry-run --on web-1", "what would go"),
    async (args) => {
      const { collectGarbageOn } = await import("./store.ts");
      finish(await collectGarbageOn(args, terminal));
    },
  );
  parser.command("store", "Look after the stores of hosts without Nix", (command) =>
    command
      .demandCommand(1, "no command was given after store")
      .example("skep store verify", "every host's")
      .command(
        "verify",
        "Hash what is in the stores of hosts and compare it with what was sent there",
        (verify) =>
          withSshOptions(withHiveOptions(verify))
            .options({ json })
            .example("skep store verify --on web-1", "nothing but hashes leaves the host"),
        async (args) => {
          const { verifyStoresOn } = await import("./store.ts");
          finish(await verifyStoresOn(args, terminal));
        },
      ),
  );
}
