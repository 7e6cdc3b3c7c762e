import type { SshOptions } from "#rollout";
import { openSshFiles } from "#ssh";
import type { SshArguments } from "./ssh-options.ts";

/** What the command line says about SSH, for all logins of a command. */
export function readSshOptions(args: SshArguments): SshOptions {
  return {
    configFile: args["ssh-config"],
    knownHostsFiles: args["known-hosts"] === undefined ? undefined : [args["known-hosts"]],
    files: openSshFiles(),
    hostKeyPolicy: args["accept-new"] ? "accept-new" : "strict",
  };
}
