import { setMaxListeners } from "node:events";
import type { Duplex } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import { abortable, messageOf, quoteArgv, startDeadline, systemClock } from "#core";
import type { Argv, CommandChannel, CommandRunner, OpenOptions } from "#core";
import { duplexOverChannel } from "./channel-streams.ts";
import { commandChannel } from "./command-channel.ts";
import type { SessionChannel } from "./command-channel.ts";
import { describeCommand } from "./describe-command.ts";
import { elevations } from "./elevation.ts";
import type { Elevation } from "./elevation.ts";
import { SshError } from "./errors.ts";
import { watchLife } from "./life.ts";
import { runCommand } from "./run-command.ts";
import { createSlots } from "./slots.ts";
import type { Keepalive } from "./target.ts";
import type { Transport } from "./transport.ts";

/** Two fewer than sshd's MaxSessions: a closed session of a command that will not end still counts there. */
const MAX_SESSIONS = 8;
/** Waiting for one of them. */
const SESSION_WAIT_MS = 120_000;
/** Opening one, and a connection onwards. */
const OPEN_MS = 30_000;
const REFUSED_DELAYS_MS = [10, 40, 160, 640] as const;
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
  const sessions = createSlots(MAX_SESSIONS);
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
  client.on("error", (error) => {
    // Ours already when it is the jump host's connection that broke.
    over(error instanceof SshError ? error : lostError(messageOf(error), error), { unasked: true });
  });
  client.on("close", () => {
    over(lostError("the host closed it"), { unasked: true });
  });

  const ask = async <T>(
    request: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
    {
      what,
      signal,
      use,
    }: { readonly what: string; readonly signal: AbortSignal; readonly use: (channel: ClientChannel) => T },
  ): Promise<T> => {
    using deadline = startDeadline(OPEN_MS, {
      signal,
      reason: () => new SshError("ssh/channel-timeout", `${what}: no answer in ${OPEN_MS / 1_000} s`),
    });
    let wanted = true;
    const opening = new Promise<T>((resolve, reject) => {
      request((error, channel) => {
        if (error !== undefined) reject(error);
        // At once: a short command's end may follow in the very packet that said it started.
        else if (wanted) resolve(use(channel));
        else channel.close();
      });
    });
    try {
      return await abortable(opening, deadline.signal);
    } catch (error) {
      wanted = false;
      opening.catch(() => undefined);
      end.signal.throwIfAborted();
      throw error;
    }
  };

  const waitForSession = async (argv: Argv, signal: AbortSignal): Promise<() => void> => {
    using wait = startDeadline(SESSION_WAIT_MS, { signal, reason: () => busyError(argv) });
    return await sessions.take(wait.signal);
  };

  const openSession = async (
    argv: Argv,
    { elevation, signal }: { readonly elevation: Elevation; readonly signal: AbortSignal | undefined },
  ): Promise<CommandChannel> => {
    const stop = joinSignals(end.signal, signal);
    let release: (() => void) | undefined;
    const done = (): void => {
      release?.();
      stop[Symbol.dispose]();
    };
    let session: SessionChannel;
    try {
      release = await waitForSession(argv, stop.signal);
      session = await retryRefused(
        () =>
          ask((answer) => client.exec(quoteArgv(elevation.wrap(argv)), answer), {
            what: `starting ${describeCommand(argv)}`,
            signal: stop.signal,
            use(channel) {
              channel.once("close", done);
              return commandChannel(channel, {
                argv,
                transport,
                judge: (exit, stderr) => elevation.refusal(exit, stderr),
              });
            },
          }),
        stop.signal,
      );
    } catch (error) {
      done();
      throw sessionError(error, argv);
    }
    const giveUp = (): void => {
      session.abandon(stop.signal.reason);
    };
    if (stop.signal.aborted) giveUp();
    else stop.signal.addEventListener("abort", giveUp, { once: true });
    return session;
  };

  const runnerFor = (elevation: Elevation): CommandRunner => {
    const open = (argv: Argv, { signal }: OpenOptions = {}): Promise<CommandChannel> =>
      openSession(argv, { elevation, signal });
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
        duplex = await ask((done) => client.forwardOut("127.0.0.1", 0, host, port, done), {
          what: `opening a connection to ${host} port ${port}`,
          signal: stop.signal,
          use: (channel) => duplexOverChannel(channel, transport),
        });
      } catch (error) {
        throw forwardError(error, { host, port });
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

/**
 * sshd counts a session until some time after it said that it closed, so that a busy connection may be refused one it
 * has room for.
 */
async function retryRefused<T>(open: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const delayMs of REFUSED_DELAYS_MS) {
    try {
      return await open();
    } catch (error) {
      if (!isSsh2Refusal(error) || !("reason" in error)) throw error;
    }
    await systemClock.sleep(delayMs, { signal });
  }
  return open();
}

/** Aborts with whichever of two signals does first. */
function joinSignals(
  first: AbortSignal,
  second: AbortSignal | undefined,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const follow = (): void => {
    controller.abort(first.aborted ? first.reason : second?.reason);
  };
  for (const signal of [first, second]) {
    if (signal?.aborted === true) follow();
    else signal?.addEventListener("abort", follow, { once: true });
  }
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of [first, second]) signal?.removeEventListener("abort", follow);
    },
  };
}

function lostError(why: string, cause?: unknown): SshError {
  return new SshError("ssh/connection-lost", `the connection broke: ${why}`, {
    hint: "the host went down or its network changed; what was under way there may or may not have ended",
    cause,
  });
}

function busyError(argv: Argv): SshError {
  return new SshError(
    "ssh/channel-timeout",
    `starting ${describeCommand(argv)}: ${MAX_SESSIONS} commands have been running on this connection for ${SESSION_WAIT_MS / 1_000} s`,
  );
}

function sessionError(error: unknown, argv: Argv): unknown {
  if (!isSsh2Refusal(error)) return error;
  return new SshError("ssh/channel-refused", `starting ${describeCommand(argv)}: the host refused (${error.message})`, {
    hint: "a low MaxSessions in its sshd_config, a forced command or a login shell that forbids it are common",
    cause: error,
  });
}

function forwardError(error: unknown, { host, port }: { readonly host: string; readonly port: number }): unknown {
  if (!isSsh2Refusal(error)) return error;
  const reason = error.message.replace("(SSH) Channel open failure: ", "");
  const forbidden = "reason" in error && error.reason === 1;
  return new SshError("ssh/forward-refused", `opening a connection to ${host} port ${port} from there: ${reason}`, {
    hint: forbidden ? "its sshd_config must allow it: AllowTcpForwarding, PermitOpen" : undefined,
    cause: error,
  });
}

/** ssh2's own errors are plain; ours and an aborted signal's reasons are not its. */
function isSsh2Refusal(error: unknown): error is Error {
  return error instanceof Error && error.constructor === Error;
}
