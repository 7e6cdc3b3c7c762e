import { Socket } from "node:net";
import { errnoOf, messageOf, startDeadline } from "#core";
import type { Transport } from "../connection/transport.ts";
import { SshError } from "../errors.ts";

/**
 * How long one address of several gets before the next is tried. Node's own 250 ms gives up hosts that are merely far.
 */
const ADDRESS_TIMEOUT_MS = 3_000;

/** Opens a TCP connection. @throws SshError saying why there is none. */
export async function dial(
  { host, port }: { readonly host: string; readonly port: number },
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Transport> {
  using deadline = startDeadline(timeoutMs, {
    signal,
    reason: () =>
      new SshError("ssh/connect-timeout", `connecting to ${host} port ${port}: no answer in ${timeoutMs / 1_000} s`, {
        hint: "is the host up, and does a firewall let this machine through?",
      }),
  });
  deadline.signal.throwIfAborted();
  // Each small packet goes out at once: with Nagle's algorithm a login takes 40 ms longer at least.
  const socket = new Socket();
  const connected = new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      reject(deadline.signal.reason as Error);
    };
    deadline.signal.addEventListener("abort", abort, { once: true });
    socket.once("error", (error) => {
      reject(dialError(error, { host, port }));
    });
    socket.connect({ host, port, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS }, () => {
      deadline.signal.removeEventListener("abort", abort);
      resolve();
    });
  });
  try {
    await connected;
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.setNoDelay(true);
  socket.removeAllListeners("error");
  return socket;
}

function dialError(error: Error, { host, port }: { readonly host: string; readonly port: number }): SshError {
  const what = `connecting to ${host} port ${port}`;
  switch (errnoOf(error)) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "ENODATA":
      return new SshError("ssh/name-not-resolved", `resolving ${host}: the name has no address`, {
        hint: "is it spelt right? a HostName in ssh_config or the target's host can give the address",
        cause: error,
      });
    case "ECONNREFUSED":
      return new SshError("ssh/connection-refused", `${what}: connection refused`, {
        hint: "is sshd running there, and on this port?",
        cause: error,
      });
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return new SshError("ssh/no-route", `${what}: no route to the host`, {
        hint: "is the host up, and is this machine on a network (or VPN) that reaches it?",
        cause: error,
      });
    case "ETIMEDOUT":
      return new SshError("ssh/connect-timeout", `${what}: no answer`, {
        hint: "is the host up, and does a firewall let this machine through?",
        cause: error,
      });
    default:
      return new SshError("ssh/unreachable", `${what}: ${messageOf(error)}`, { cause: error });
  }
}
