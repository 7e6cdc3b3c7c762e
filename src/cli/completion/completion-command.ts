import { basename } from "node:path";
import type { Argv as Yargs } from "yargs";
import { CliError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Shell } from "./scripts.ts";
import { SCRIPTS, SHELLS } from "./scripts.ts";

/** `skep completion [shell]`: what a shell reads to complete skep's command lines. */
export function addCompletionCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "completion [shell]",
    "Print what a shell reads to complete commands, options, hosts, tags, secrets and runs",
    (command) =>
      command
        .positional("shell", { choices: SHELLS, description: "The shell; else the one that SHELL names" })
        .example('eval "$(skep completion bash)"', "in ~/.bashrc")
        .example('eval "$(skep completion zsh)"', "in ~/.zshrc, after compinit")
        .example("skep completion fish | source", "in ~/.config/fish/config.fish"),
    ({ shell }) => {
      terminal.stdout.write(SCRIPTS[shell ?? shellOf(terminal)]);
      finish(0);
    },
  );
}

function shellOf({ env }: Pick<Terminal, "env">): Shell {
  const name = basename(env.SHELL ?? "");
  const shell = SHELLS.find((one) => one === name);
  if (shell !== undefined) return shell;
  const found = name === "" ? "SHELL is not set" : `SHELL is ${name}`;
  throw new CliError("cli/usage", `cannot tell which shell to complete for: ${found}`, {
    hint: `say it: skep completion ${SHELLS.join("|")}`,
  });
}
