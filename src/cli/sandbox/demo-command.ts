import type { Argv as Yargs } from "yargs";
import type { Terminal } from "../terminal/terminal.ts";

/** `skep demo`: the example fleet on throw-away hosts. What does the work is loaded when it is needed. */
export function addDemoCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "demo",
    "Deploy an example fleet to throw-away hosts on this machine: two good releases and a broken one",
    (command) =>
      command
        .option("keep", {
          type: "boolean",
          default: false,
          description: "Leave the hosts up until Ctrl-C, with their hive and the commands to play with them",
        })
        .example("skep demo", "no root, no Nix, no network; under a minute")
        .example("skep demo --keep", "and then try things yourself"),
    async (args) => {
      const { demo } = await import("./demo.ts");
      finish(await demo(args, terminal));
    },
  );
}
