import { connect } from "node:net";
import type { ServerChannel } from "ssh2";

/** The names by which a host means itself. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|0\.0\.0\.0|::)$/;

/** Whether a sandbox host opens connections to this address: only to itself, never onwards. */
export function isOwnAddress(address: string, hostName: string): boolean {
  return LOOPBACK.test(address) || address === hostName;
}

/** Connects to a port of this machine's loopback and carries an SSH channel's bytes both ways. */
export function forwardTo(
  port: number,
  { accept, reject }: { readonly accept: () => ServerChannel; readonly reject: () => void },
): void {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
  socket.once("error", reject);
  socket.once("connect", () => {
    socket.off("error", reject);
    const channel = accept();
    socket.on("error", () => {
      channel.close();
    });
    channel.on("error", () => undefined);
    channel.once("close", () => {
      socket.destroy();
    });
    channel.pipe(socket);
    socket.pipe(channel);
  });
}
