/** One SSH connection per host: host keys, ssh_config, jump hosts, keys and agent, commands, streams, elevation. */
export { connect } from "./connect.ts";
export type { Connection, ConnectionAddress } from "./connection.ts";
export type { Elevation } from "./elevation.ts";
export { elevations } from "./elevation.ts";
export { SshError, sshErrorCodes } from "./errors.ts";
export type { KnownHostKeysOptions } from "./known-host-keys.ts";
export { knownHostKeys } from "./known-host-keys.ts";
export type { SshFiles } from "./ssh-files.ts";
export { openSshFiles } from "./ssh-files.ts";
export type { SshSettings } from "./settings.ts";
export type { ConnectOptions, HostKeyPolicy, Keepalive, SshTarget } from "./target.ts";
