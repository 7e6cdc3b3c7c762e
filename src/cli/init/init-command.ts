import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import type { Terminal } from "../terminal/terminal.ts";

/** The pipelines that `skep init` writes a file for. */
export const PIPELINES = ["github", "gitlab", "none"] as const;

/** The options of `skep init`. */
export const initOptions = {
  linux: { type: "boolean", default: false, description: "A plain Linux host, whose system needs no Nix" },
  nixos: { type: "boolean", default: false, description: "A NixOS host; the default where there is a flake.nix" },
  ci: {
    choices: PIPELINES,
    requiresArg: true,
    description: "The pipeline to write a file for; else the one that the git remotes and the folder's files tell",
  },
  recipient: {
    type: "string",
    array: true,
    requiresArg: true,
    description: "A public key, SSH's or age's, that may read the secrets; else yours from ~/.ssh, else a new one",
  },
} as const;

export type InitArguments = InferredOptionTypes<typeof initOptions> & { readonly folder: string };

/** `skep init [folder]`: a fleet to begin with. What does the work is loaded when it is needed. */
export function addInitCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "init [folder]",
    "Write a hive, a host, a secret and a pipeline to begin with",
    (command) =>
      command
        .positional("folder", { type: "string", default: ".", description: "Where; made when it is not there" })
        .options(initOptions)
        .epilogue(
          "No file is ever overwritten: where one is there already, nothing is written at all. The secret is encrypted\n" +
            "to your SSH key. Without one, an age identity is made in ~/.config/skep, outside of the repository.",
        )
        .example("skep init fleet", "and then, in there: skep deploy --sandbox")
        .example("skep init --nixos --ci github", "a NixOS host, planned and deployed by GitHub Actions")
        .example('skep init --recipient "$(cat ~/keys/work.pub)"', "for another key than the one in ~/.ssh"),
    async (args) => {
      const { init } = await import("./init.ts");
      finish(await init(args, terminal));
    },
  );
}
