import { CliError } from "../errors.ts";

/**
 * What changes hosts, or runs what it is told on them, does not mean all of them by silence.
 * @throws CliError `cli/usage` when `--on` was not given.
 */
export function refuseUnselected(on: string | undefined, { command }: { readonly command: string }): void {
  if (on !== undefined) return;
  throw new CliError("cli/usage", `skep ${command} needs --on, which says the hosts`, {
    hint: 'all of them are --on "*"',
  });
}
