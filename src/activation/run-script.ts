import type { CommandResult, CommandRunner, RunOptions } from "#core";

/**
 * Runs a POSIX sh script on a host. The script travels on standard input, so that sudo's log and the process list show
 * `sh -s` and the arguments only; values go in as arguments, never into the text.
 */
export function runScript(
  runner: CommandRunner,
  {
    script,
    args = [],
    ...options
  }: { readonly script: string; readonly args?: readonly string[] } & Omit<RunOptions, "stdin">,
): Promise<CommandResult> {
  return runner.run(["sh", "-s", "--", ...args], { ...options, stdin: script });
}

/** Where programs are on NixOS, on Nix elsewhere, and on any other Linux; services start with less. */
export const SET_PATH = `PATH=/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH
`;
