import type { Argv as Yargs, InferredOptionTypes } from "yargs";

/** The options of every command that logs in to hosts. */
export const sshOptions = {
  "accept-new": {
    type: "boolean",
    default: false,
    description: "Add host keys of hosts not known yet to known_hosts; changed keys are refused as ever",
  },
  "ssh-config": { type: "string", requiresArg: true, description: "An ssh_config file instead of ~/.ssh/config" },
  "known-hosts": { type: "string", requiresArg: true, description: "A known_hosts file instead of the usual ones" },
} as const;

export type SshArguments = InferredOptionTypes<typeof sshOptions>;

export function withSshOptions<T>(parser: Yargs<T>): Yargs<T & SshArguments> {
  return parser.options(sshOptions).group(Object.keys(sshOptions), "Logging in:") as unknown as Yargs<T & SshArguments>;
}
