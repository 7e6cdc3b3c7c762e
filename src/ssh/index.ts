/** One SSH connection per host: host keys, ssh_config, jump hosts, keys and agent, commands, streams, elevation. */
export { connect } from "./connect.ts";
export type { Connection, ConnectionAddress } from "./connection/connection.ts";
export type { Elevation } from "./elevation.ts";
export { elevations } from "./elevation.ts";
export { SshError, sshErrorCodes } from "./errors.ts";
export type { KnownHostKeysOptions } from "./host-keys/known-host-keys.ts";
export { knownHostKeys } from "./host-keys/known-host-keys.ts";
export type { SshFiles } from "./config/ssh-files.ts";
export { openSshFiles } from "./config/ssh-files.ts";
export type { SshSettings } from "./config/settings.ts";
export type { ConnectOptions, HostKeyPolicy, Keepalive, SshTarget } from "./target.ts";
