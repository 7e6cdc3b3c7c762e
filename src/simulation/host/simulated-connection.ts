import type { Duplex } from "node:stream";
import type { Argv, CommandChannel, CommandResult, CommandRunner, RunOptions } from "#core";
import type { Connection, ConnectionAddress } from "#ssh";
import { SshError } from "#ssh";
import { answerCommand } from "./answer-command.ts";
import type { SimulatedHost } from "./simulated-host.ts";

/** How long ssh/connect waits for a host that does not answer. */
const CONNECT_TIMEOUT_MS = 10_000;
const COMMAND_TIMEOUT_MS = 60_000;
/** Three keepalives without an answer. */
const SILENCE_MS = 40_000;

const CLOSED = new SshError("ssh/closed", "the connection was closed");

/** A login: it takes its time, and fails as it does with hosts that are down or cut off. */
export async function logInToSimulated(
  host: SimulatedHost,
  { address, signal }: { readonly address: ConnectionAddress; readonly signal: AbortSignal },
): Promise<SimulatedConnection> {
  signal.throwIfAborted();
  await host.clock.sleep(host.pace.loginMs * host.slowness, { signal });
  if (!host.isReachable) {
    await host.clock.sleep(CONNECT_TIMEOUT_MS, { signal });
    throw new SshError("ssh/connect-timeout", "the host did not answer within 10 s");
  }
  if (host.refusesLogins) throw new SshError("ssh/connection-refused", "nothing listens on its SSH port");
  return new SimulatedConnection(host, address);
}

/** One connection to one simulated host. It breaks when the host breaks it, or was silent for too long. */
export class SimulatedConnection implements Connection {
  readonly address: ConnectionAddress;
  readonly elevated: CommandRunner = this;
  readonly roundTripMs: number;
  readonly lost: Promise<SshError>;
  /** Called once, when it was closed or lost. */
  onEnd: () => void = () => undefined;
  readonly #host: SimulatedHost;
  readonly #end = new AbortController();
  readonly #bootId: string;
  readonly #unwatch: () => void;
  #silence: { cancel(): void } | undefined;
  #tellLost: (error: SshError) => void = () => undefined;

  constructor(host: SimulatedHost, address: ConnectionAddress) {
    this.address = address;
    this.roundTripMs = host.pace.roundTripMs;
    this.#host = host;
    this.#bootId = host.bootId;
    this.lost = new Promise((resolve) => {
      this.#tellLost = resolve;
    });
    this.#unwatch = host.watchLink((isBroken) => {
      this.#noteLink(isBroken);
    });
  }

  async run(argv: Argv, options: RunOptions = {}): Promise<CommandResult> {
    const { stdin, signal, timeoutMs = COMMAND_TIMEOUT_MS, onStdoutLine } = options;
    let isHeard = true;
    const work = (): Promise<CommandResult> =>
      this.#exchange(async () => {
        const onLine = (line: string): void => {
          if (isHeard) onStdoutLine?.(line);
        };
        const { exitCode, stdout, stderr } = await answerCommand(this.#host, { argv, stdin, onLine });
        return { argv, exit: { exitCode }, stdout, stderr };
      });
    try {
      return await this.#bound(work, { signal, timeoutMs });
    } finally {
      isHeard = false;
    }
  }

  /** Something that the host does for us and answers, such as taking store paths. Goes on there when it is given up here. */
  ask<T>(work: () => Promise<T>, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<T> {
    return this.#bound(() => this.#exchange(work), { signal });
  }

  open(argv: Argv): Promise<CommandChannel> {
    return Promise.reject(new SshError("ssh/channel-refused", `${argv[0]}: a simulated host opens no streams`));
  }

  forward(): Promise<Duplex> {
    return Promise.reject(new SshError("ssh/forward-refused", "a simulated host forwards nothing"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close(CLOSED);
    return Promise.resolve();
  }

  /** There, done, and back. What breaks the connection on the way back does not undo what was done. */
  async #exchange<T>(work: () => Promise<T>): Promise<T> {
    await this.#travel();
    const { power } = this.#host;
    try {
      const result = await work();
      await this.#travel();
      return result;
    } catch (error) {
      // Who was asked is no more: only silence comes of that.
      if (power.aborted) return await new Promise<never>(() => undefined);
      throw error;
    }
  }

  /** One way. Waits while nothing comes through; ends with the connection. */
  async #travel(): Promise<void> {
    const { signal } = this.#end;
    await this.#host.clock.sleep(this.roundTripMs / 2, { signal });
    if (this.#host.isReachable) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!this.#host.isReachable) return;
        signal.removeEventListener("abort", stop);
        unwatch();
        resolve();
      };
      const stop = (): void => {
        unwatch();
        reject(signal.reason as Error);
      };
      signal.throwIfAborted();
      const unwatch = this.#host.watchLink(look);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** Ends a wait with the connection, the caller's signal or the time; what was begun goes on. */
  #bound<T>(
    work: () => Promise<T>,
    { signal, timeoutMs }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      this.#end.signal.throwIfAborted();
      const timer =
        timeoutMs === undefined
          ? undefined
          : this.#host.clock.after(timeoutMs, () => {
              giveUp(new SshError("ssh/command-timeout", `the command did not end within ${timeoutMs / 1000} s`));
            });
      const end = (): void => {
        timer?.cancel();
        signal?.removeEventListener("abort", stop);
        this.#end.signal.removeEventListener("abort", broken);
      };
      const giveUp = (error: Error): void => {
        end();
        reject(error);
      };
      const stop = (): void => {
        giveUp(signal?.reason as Error);
      };
      const broken = (): void => {
        giveUp(this.#end.signal.reason as Error);
      };
      signal?.addEventListener("abort", stop, { once: true });
      this.#end.signal.addEventListener("abort", broken, { once: true });
      work().then((result) => {
        end();
        resolve(result);
      }, giveUp);
    });
  }

  #noteLink(isBroken: boolean): void {
    const host = this.#host;
    if (isBroken || (host.isReachable && host.bootId !== this.#bootId)) {
      this.#lose("the host closed it");
    } else if (host.isReachable) {
      this.#silence?.cancel();
      this.#silence = undefined;
    } else {
      this.#silence ??= host.clock.after(SILENCE_MS, () => {
        this.#lose(`no answer for ${SILENCE_MS / 1000} s`);
      });
    }
  }

  #lose(why: string): void {
    const error = new SshError("ssh/connection-lost", `the connection broke: ${why}`);
    this.#close(error);
    this.#tellLost(error);
  }

  #close(reason: SshError): void {
    if (this.#end.signal.aborted) return;
    this.#unwatch();
    this.#silence?.cancel();
    this.#end.abort(reason);
    this.onEnd();
  }
}
