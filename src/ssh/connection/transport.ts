import type { Duplex } from "node:stream";

/** A stream of bytes to a host's SSH server: a socket, a forwarded channel or a proxy's standard streams. */
export interface Transport extends Duplex {
  /** Everything received so far: what tells a slow host from a dead one. */
  readonly bytesRead: number;
}
