import type { Client } from "ssh2";
import type { Argv, CommandChannel } from "#core";
import { quoteArgv, startDeadline, systemClock } from "#core";
import type { Elevation } from "../elevation.ts";
import { SshError } from "../errors.ts";
import type { SessionChannel } from "./command-channel.ts";
import { commandChannel } from "./command-channel.ts";
import { describeCommand } from "./describe-command.ts";
import { joinSignals } from "./join-signals.ts";
import { ChannelRefused, openChannel } from "./open-channel.ts";
import { createSlots } from "./slots.ts";
import type { Transport } from "./transport.ts";

/** Two fewer than sshd's MaxSessions: a closed session of a command that will not end still counts there. */
const MAX_SESSIONS = 8;
/** Waiting for one of them. */
const WAIT_MS = 120_000;
const REFUSED_DELAYS_MS = [10, 40, 160, 640] as const;

export interface SessionsOptions {
  readonly client: Client;
  readonly transport: Transport;
  /** Aborts when the connection is over. */
  readonly ended: AbortSignal;
}

/** The commands running on one connection: no more at once than sshd allows, the others wait. */
export interface Sessions {
  open(
    argv: Argv,
    options: { readonly elevation: Elevation; readonly signal: AbortSignal | undefined },
  ): Promise<CommandChannel>;
}

export function createSessions({ client, transport, ended }: SessionsOptions): Sessions {
  const slots = createSlots(MAX_SESSIONS);
  const waitForSlot = async (argv: Argv, signal: AbortSignal): Promise<() => void> => {
    using wait = startDeadline(WAIT_MS, { signal, reason: () => busyError(argv) });
    return await slots.take(wait.signal);
  };
  return {
    async open(argv, { elevation, signal }) {
      const stop = joinSignals(ended, signal);
      let release: (() => void) | undefined;
      const done = (): void => {
        release?.();
        stop[Symbol.dispose]();
      };
      const start = (): Promise<SessionChannel> =>
        openChannel((answer) => client.exec(quoteArgv(elevation.wrap(argv)), answer), {
          what: () => `starting ${describeCommand(argv)}`,
          use(channel) {
            channel.once("close", done);
            return commandChannel(channel, {
              argv,
              transport,
              judge: (exit, stderr) => elevation.refusal(exit, stderr),
            });
          },
          signal: stop.signal,
        });
      let session: SessionChannel;
      try {
        release = await waitForSlot(argv, stop.signal);
        session = await retryRefused(start, stop.signal);
      } catch (error) {
        done();
        throw error instanceof ChannelRefused ? refusedError(error, argv) : error;
      }
      const giveUp = (): void => {
        session.abandon(stop.signal.reason);
      };
      if (stop.signal.aborted) giveUp();
      else stop.signal.addEventListener("abort", giveUp, { once: true });
      return session;
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
      if (!(error instanceof ChannelRefused) || error.reason === undefined) throw error;
    }
    await systemClock.sleep(delayMs, { signal });
  }
  return open();
}

function busyError(argv: Argv): SshError {
  return new SshError(
    "ssh/channel-timeout",
    `starting ${describeCommand(argv)}: ${MAX_SESSIONS} commands have been running on this connection for ${WAIT_MS / 1_000} s`,
  );
}

function refusedError(error: ChannelRefused, argv: Argv): SshError {
  return new SshError("ssh/channel-refused", `starting ${describeCommand(argv)}: the host refused (${error.message})`, {
    hint: "a low MaxSessions in its sshd_config, a forced command or a login shell that forbids it are common",
    cause: error,
  });
}
