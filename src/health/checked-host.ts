import type { Duplex } from "node:stream";
import type { CommandRunner } from "#core";

/** The host that is checked, as the checks reach it. */
export interface CheckedHost {
  readonly name: string;
  /** The address SSH connected to. */
  readonly address: string;
  /** Runs commands on the host as root. */
  readonly runner: CommandRunner;
  /** Opens a TCP connection that starts on the host. */
  readonly forward: (
    destination: { readonly host: string; readonly port: number },
    options: { readonly signal: AbortSignal },
  ) => Promise<Duplex>;
}
