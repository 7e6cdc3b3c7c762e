import type { SshFiles } from "./config/ssh-files.ts";
import type { Elevation } from "./elevation.ts";

/**
 * What the operator said about how to reach a host. Everything not said comes from ssh_config, then from SSH's
 * defaults.
 */
export interface SshTarget {
  /** A name as one would give it to `ssh`: an alias of ssh_config, a DNS name or an address. */
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  /** Private keys (or the public halves of agent keys) to log in with, instead of those of ssh_config. */
  readonly identityFiles?: readonly string[] | undefined;
  /** `[user@]host[:port]`, several separated by commas, nearest first; `none` for a direct connection. */
  readonly proxyJump?: string | undefined;
  /** Pinned host keys, as `ssh-ed25519 AAAA…`. Then no known_hosts file is consulted. */
  readonly hostKeys?: readonly string[] | undefined;
  /** How the login user becomes root; default not at all. */
  readonly elevation?: Elevation | undefined;
}

/** What to do with a host for which no key is known: refuse it, or learn its key on this first meeting. */
export type HostKeyPolicy = "strict" | "accept-new";

export interface Keepalive {
  readonly intervalMs: number;
  /** The connection is lost when this many pings in a row brought nothing back. */
  readonly count: number;
}

export interface ConnectOptions {
  /** An ssh_config to read instead of the user's and the system's. */
  readonly configFile?: string | undefined;
  /** known_hosts files to consult instead of those of ssh_config; new keys go to the first. */
  readonly knownHostsFiles?: readonly string[] | undefined;
  /** What earlier logins have read of these files: give the same one to many logins. Default: nothing. */
  readonly files?: SshFiles | undefined;
  /** Default `strict`. */
  readonly hostKeyPolicy?: HostKeyPolicy | undefined;
  /**
   * Bounds reaching the host, then the key exchange, then authentication: each on its own. Default ssh_config's
   * ConnectTimeout, then 10,000.
   */
  readonly connectTimeoutMs?: number | undefined;
  /** Default every 10 seconds, three times. */
  readonly keepalive?: Keepalive | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told what the operator may want to know but need not act on. */
  readonly onNotice?: ((text: string) => void) | undefined;
}
