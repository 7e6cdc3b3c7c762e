import { setMaxListeners } from "node:events";
import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import type { Argv, CommandChannel, CommandRunner, OpenOptions } from "#core";
import { messageOf } from "#core";
import type { Elevation } from "../elevation.ts";
import { elevations } from "../elevation.ts";
import { SshError } from "../errors.ts";
import type { Keepalive } from "../target.ts";
import { duplexOverChannel } from "./channel-streams.ts";
import { joinSignals } from "./join-signals.ts";
import { watchLife } from "./life.ts";
import { ChannelRefused, openChannel } from "./open-channel.ts";
import { runCommand } from "./run-command.ts";
import { createSessions } from "./sessions.ts";
import type { Transport } from "./transport.ts";

/** What disposal allows the goodbye. */
const GOODBYE_MS = 1_000;

export interface ConnectionAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** One SSH connection to one host. Disposing it closes it, and the jump hosts' connections under it. */
export interface Connection extends CommandRunner, AsyncDisposable {
  /** Where it leads, as resolved. */
  readonly address: ConnectionAddress;
  /** The same connection, with every command run as root by the target's elevation. */
  readonly elevated: CommandRunner;
  /** One round trip, measured while logging in. */
  readonly roundTripMs: number;
  /** A TCP connection from the host to somewhere. @throws SshError when the host refuses or cannot. */
  forward(
    destination: { readonly host: string; readonly port: number },
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Duplex>;
  /** Settles if the connection breaks unasked; never rejects, and never settles otherwise. */
  readonly lost: Promise<SshError>;
}

export interface ConnectionOptions {
  readonly client: Client;
  readonly transport: Transport;
  readonly address: ConnectionAddress;
  readonly elevation: Elevation;
  readonly keepalive: Keepalive;
  readonly roundTripMs: number;
  /** What must be closed after it. */
  readonly below?: AsyncDisposable | undefined;
}

/** A connection that other connections may run through. */
export interface RoutedConnection extends Connection {
  forward(
    destination: { readonly host: string; readonly port: number },
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Transport>;
}

/** Makes a logged-in client a connection. */
export function openConnection(options: ConnectionOptions): RoutedConnection {
  const { client, transport, address } = options;
  const end = new AbortController();
  setMaxListeners(0, end.signal);
  let tellLost: (error: SshError) => void = () => undefined;
  const lost = new Promise<SshError>((resolve) => {
    tellLost = resolve;
  });
  /** Everything that waits on this connection, or uses it, ends with it. */
  const over = (reason: SshError, { unasked }: { readonly unasked: boolean }): void => {
    if (end.signal.aborted) return;
    life[Symbol.dispose]();
    end.abort(reason);
    if (unasked) {
      tellLost(reason);
      transport.destroy();
    }
  };
  const life = watchLife(transport, options.keepalive, (silentMs) => {
    over(lostError(`no answer for ${silentMs / 1_000} s`), { unasked: true });
  });
  transport.setMaxListeners(0);
  // What one arrival lets out, such as all packets that a channel's window has room for again, leaves in one system call.
  transport.prependListener("data", () => {
    transport.cork();
    process.nextTick(() => {
      transport.uncork();
    });
  });
  client.on("error", (error) => {
    // Ours already when it is the jump host's connection that broke.
    over(error instanceof SshError ? error : lostError(messageOf(error), error), { unasked: true });
  });
  client.on("close", () => {
    over(lostError("the host closed it"), { unasked: true });
  });

  const sessions = createSessions({ client, transport, ended: end.signal });
  const runnerFor = (elevation: Elevation): CommandRunner => {
    const open = (argv: Argv, { signal }: OpenOptions = {}): Promise<CommandChannel> =>
      sessions.open(argv, { elevation, signal });
    return { open, run: (argv, runOptions) => runCommand(open, argv, runOptions) };
  };
  const plain = runnerFor(elevations.none);
  const elevated = address.user === "root" ? plain : runnerFor(options.elevation);

  return {
    ...plain,
    elevated,
    address,
    roundTripMs: options.roundTripMs,
    lost,
    async forward({ host, port }, { signal } = {}) {
      using stop = joinSignals(end.signal, signal);
      let duplex: Transport;
      try {
        duplex = await openChannel((answer) => client.forwardOut("127.0.0.1", 0, host, port, answer), {
          what: () => `opening a connection to ${host} port ${port}`,
          use: (channel) => duplexOverChannel(channel, transport),
          signal: stop.signal,
        });
      } catch (error) {
        throw error instanceof ChannelRefused ? forwardError(error, { host, port }) : error;
      }
      const breakOff = (): void => {
        duplex.destroy(end.signal.reason as Error);
      };
      end.signal.addEventListener("abort", breakOff, { once: true });
      duplex.once("close", () => {
        end.signal.removeEventListener("abort", breakOff);
      });
      return duplex;
    },
    async [Symbol.asyncDispose]() {
      over(new SshError("ssh/closed", "the connection was closed"), { unasked: false });
      if (!transport.destroyed) {
        const closed = new Promise<void>((resolve) => transport.once("close", resolve));
        const timer = setTimeout(() => transport.destroy(), GOODBYE_MS);
        client.end();
        await closed;
        clearTimeout(timer);
      }
      await options.below?.[Symbol.asyncDispose]();
    },
  };
}

function lostError(why: string, cause?: unknown): SshError {
  return new SshError("ssh/connection-lost", `the connection broke: ${why}`, {
    hint: "the host went down or its network changed; what was under way there may or may not have ended",
    cause,
  });
}

function forwardError(
  error: ChannelRefused,
  { host, port }: { readonly host: string; readonly port: number },
): SshError {
  return new SshError(
    "ssh/forward-refused",
    `opening a connection to ${host} port ${port} from there: ${reasonOfRefusal(error, host)}`,
    {
      hint: error.reason === 1 ? "its sshd_config must allow it: AllowTcpForwarding, PermitOpen" : undefined,
      cause: error,
    },
  );
}

/** In the host's words; not every server has any. */
function reasonOfRefusal({ message, reason }: ChannelRefused, host: string): string {
  if (message !== "") return message;
  if (reason === 1) return "the host does not allow it";
  if (reason !== 2) return "the host does not say why";
  return /^(localhost|127\.|::1$)/.test(host) ? "connection refused" : "the connection failed";
}
