import type { CommandChannel } from "#core";
import type { AddPathsOptions, HostStore, ValidPaths } from "./host-store.ts";
import type { PathInfo } from "./path-info.ts";
import { chooseChannels } from "./serve/choose-channels.ts";
import { SendOrder } from "./serve/send-order.ts";
import type { ServeClient, ServeClientOptions } from "./serve/serve-client.ts";
import { openServeClient } from "./serve/serve-client.ts";
import type { StorePath } from "./store-path.ts";

export interface NixHostStoreOptions extends ServeClientOptions {
  /** Starts {@link serveCommand} on the host, each time on a channel of its own. */
  readonly openChannel: (signal?: AbortSignal) => Promise<CommandChannel>;
  /** At most so many channels at once; default 8, under the 10 sessions OpenSSH gives one connection. */
  readonly maxChannels?: number | undefined;
  /**
   * Milliseconds of one round trip, where the caller knows. The lower of this and our own measuring counts: a host that
   * is busy answers late and is not far for that.
   */
  readonly roundTripMs?: number | undefined;
}

/** What to run on a host to talk to its store. */
export const serveCommand = ["nix-store", "--serve", "--write"] as const;

/**
 * Opens the Nix store of a host over one `nix-store --serve` channel. Further ones are opened for as long as paths are
 * added, where the line is so long that one channel's window would hold them up.
 * @throws StoreError as `openServeClient` does; what `openChannel` throws.
 */
export async function openNixHostStore(options: NixHostStoreOptions): Promise<HostStore> {
  return new NixHostStore(await openServeClient(await options.openChannel(options.signal), options), options);
}

class NixHostStore implements HostStore {
  readonly #main: ServeClient;
  readonly #options: NixHostStoreOptions;
  /** Channels that have done their work and are being closed. */
  readonly #closing: Promise<unknown>[] = [];

  constructor(main: ServeClient, options: NixHostStoreOptions) {
    this.#main = main;
    this.#options = options;
  }

  async queryValidPaths(
    paths: readonly StorePath[],
    { substitute, signal }: { readonly substitute: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<ValidPaths> {
    const before = this.#main.queryValidPaths(paths, { lock: true, substitute: false, signal });
    if (!substitute) return { valid: await before, substituted: new Set() };
    // Both questions are on their way together, so that telling what was substituted costs no second round trip.
    const after = this.#main.queryValidPaths(paths, { lock: true, substitute: true, signal });
    const [had, valid] = await Promise.all([before, after]);
    return { valid, substituted: new Set([...valid].filter((path) => !had.has(path))) };
  }

  async addPaths(infos: readonly PathInfo[], options: AddPathsOptions): Promise<void> {
    const { roundTripMs = Number.POSITIVE_INFINITY, maxChannels } = this.#options;
    const channels = chooseChannels(infos, {
      roundTripMs: Math.min(await this.#main.roundTripMs, roundTripMs),
      maxChannels,
    });
    const order = new SendOrder(infos, channels);
    const failure = new AbortController();
    const signal = options.signal === undefined ? failure.signal : AbortSignal.any([options.signal, failure.signal]);
    const done = new AbortController();
    const run = async (channel: number): Promise<void> => {
      try {
        if (channel === 0) {
          await sendPaths(this.#main, channel, { order, options, signal });
          done.abort();
        } else {
          await this.#sendOnFurther(channel, { order, options, signal }, done.signal);
        }
      } catch (error) {
        failure.abort(error);
        order.stop();
      }
    };
    await Promise.all(Array.from({ length: channels }, (_, channel) => run(channel)));
    signal.throwIfAborted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#main[Symbol.asyncDispose](), ...this.#closing]);
  }

  async #sendOnFurther(channel: number, work: SendWork, done: AbortSignal): Promise<void> {
    const client = await this.#openFurther(work.signal, done);
    if (client === undefined) return;
    try {
      await sendPaths(client, channel, work);
    } finally {
      this.#closing.push(client[Symbol.asyncDispose]().catch(() => undefined));
    }
  }

  /** A host may allow fewer sessions than we would like, or be done before one more is open: then we do without. */
  async #openFurther(signal: AbortSignal, done: AbortSignal): Promise<ServeClient | undefined> {
    // A channel may live no longer than the signal it was opened with, and one that is open has work of its own to end.
    const late = new AbortController();
    const giveUp = (): void => {
      late.abort();
    };
    if (done.aborted) return undefined;
    done.addEventListener("abort", giveUp, { once: true });
    const opening = AbortSignal.any([signal, late.signal]);
    try {
      return await openServeClient(await this.#options.openChannel(opening), { ...this.#options, signal: opening });
    } catch {
      return undefined;
    } finally {
      done.removeEventListener("abort", giveUp);
    }
  }
}

interface SendWork {
  readonly order: SendOrder;
  readonly options: AddPathsOptions;
  readonly signal: AbortSignal;
}

async function sendPaths(client: ServeClient, channel: number, { order, options, signal }: SendWork): Promise<void> {
  using _ = client.breakOn(signal);
  const { nars, onProgress } = options;
  const onSent = (bytes: number): void => onProgress?.({ bytes, paths: 0 });
  const answers: Promise<void>[] = [];
  for (let info = await order.next(channel); info !== undefined; info = await order.next(channel)) {
    const { path } = info;
    const { acknowledged } = await client.addToStoreNar(info, { nar: nars.read(info, { signal }), onSent });
    const answer = acknowledged.then(() => {
      order.acknowledge(path);
      onProgress?.({ bytes: 0, paths: 1 });
    });
    answer.catch(() => {
      order.stop();
    });
    answers.push(answer);
  }
  await Promise.all(answers);
}
