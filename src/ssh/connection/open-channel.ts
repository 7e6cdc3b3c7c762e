import type { ClientChannel } from "ssh2";
import { abortable, startDeadline } from "#core";
import { SshError } from "../errors.ts";

const OPEN_MS = 30_000;

/** The host said no to a channel, or to what was asked of one. */
export class ChannelRefused extends Error {
  /** RFC 4254, section 5.1: 1 prohibited, 2 connect failed, 3 unknown type, 4 shortage; undefined when it did open. */
  readonly reason: number | undefined;

  constructor(error: Error) {
    super(error.message.replace("(SSH) Channel open failure: ", ""), { cause: error });
    this.reason = "reason" in error && typeof error.reason === "number" ? error.reason : undefined;
  }
}

export interface OpenChannelOptions<T> {
  /** For messages: what the channel is for. */
  readonly what: () => string;
  /** Makes something of the channel in the moment it opens. */
  readonly use: (channel: ClientChannel) => T;
  readonly signal: AbortSignal;
}

/**
 * Asks the host for a channel and waits for its answer.
 * @throws ChannelRefused, SshError when no answer comes, or the signal's reason.
 */
export async function openChannel<T>(
  request: (answer: (error: Error | undefined, channel: ClientChannel) => void) => void,
  { what, use, signal }: OpenChannelOptions<T>,
): Promise<T> {
  using deadline = startDeadline(OPEN_MS, {
    signal,
    reason: () => new SshError("ssh/channel-timeout", `${what()}: no answer in ${OPEN_MS / 1_000} s`),
  });
  deadline.signal.throwIfAborted();
  let wanted = true;
  const opening = new Promise<T>((resolve, reject) => {
    request((error, channel) => {
      if (error !== undefined) reject(new ChannelRefused(error));
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
    // A connection that breaks takes its requests with it, as if they had been refused.
    signal.throwIfAborted();
    throw error;
  }
}
