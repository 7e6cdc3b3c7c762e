import type { Readable } from "node:stream";
import type { CommandChannel, CommandExit } from "#core";
import { abortable, formatDuration, startDeadline } from "#core";
import { ByteReader } from "../byte-reader.ts";
import { StoreError } from "../errors.ts";
import { paddingOf, readU64 } from "../wire.ts";
import { explainServeEnd } from "./explain-end.ts";
import { WireWriter } from "./wire-writer.ts";

const STDERR_CHARACTERS = 16 * 1024;
const END_MS = 5_000;
const END = { done: true, value: undefined } as const;

/**
 * One running `nix-store --serve`: numbers and strings in both directions, answers taken in the order of their
 * requests, and one error that everything waiting fails with once the other side is gone, silent or out of step.
 */
export class ServeConnection {
  readonly out: WireWriter;
  readonly #channel: CommandChannel;
  readonly #in: ByteReader;
  readonly #silenceMs: number;
  readonly #broken = new AbortController();
  /** What the other side owes an answer to, oldest first. */
  readonly #owed: { readonly attempt: string; readonly silenceMs: number }[] = [];
  #answered: Promise<unknown> = Promise.resolve();
  #stderr = "";
  #exit: CommandExit | undefined;
  #lost: unknown;
  #ending: Promise<never> | undefined;
  #closing: Promise<void> | undefined;
  #silence: NodeJS.Timeout | undefined;

  constructor(channel: CommandChannel, silenceMs: number) {
    this.#channel = channel;
    this.#silenceMs = silenceMs;
    const alive = (): void => {
      this.#watchSilence();
    };
    this.out = new WireWriter(channel.stdin, alive);
    const chunks = chunksOf(channel.stdout);
    this.#in = new ByteReader(async () => {
      const chunk = await this.#unlessBroken(() => chunks.next()).catch((error: unknown) => {
        this.#broken.signal.throwIfAborted();
        this.#lost ??= error;
        return END;
      });
      alive();
      return chunk.done === true ? undefined : chunk.value;
    });
    channel.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_CHARACTERS);
      alive();
    });
    channel.stderr.on("error", () => undefined);
    channel.stdin.on("error", (error) => {
      this.#lost ??= error;
      void this.#end().catch(() => undefined);
    });
    channel.exited.then(
      (exit) => {
        this.#exit = exit;
      },
      (error: unknown) => {
        this.#lost = error;
      },
    );
  }

  get isBroken(): boolean {
    return this.#broken.signal.aborted;
  }

  /** What has come on standard output and was not read. */
  rest(): Buffer {
    return this.#in.rest();
  }

  /**
   * Queues the reading of one answer behind those already owed; what the reader wants is written before or after, the
   * order does not matter. The promise may be left alone: its failure is everyone's.
   */
  answer<T>(attempt: string, read: () => Promise<T>, { silenceMs = this.#silenceMs } = {}): Promise<T> {
    this.#owed.push({ attempt, silenceMs });
    if (this.#owed.length === 1) this.#watchSilence();
    const answer = this.#answered.then(async () => {
      try {
        const value = await read();
        this.#owed.shift();
        this.#watchSilence();
        return value;
      } catch (error) {
        return this.break(error);
      }
    });
    this.#answered = answer;
    answer.catch(() => undefined);
    return answer;
  }

  async number(): Promise<number> {
    const bytes = await this.bytes(8);
    return readU64(bytes) ?? this.fail("it sent a number past 2^53");
  }

  async string(maxBytes: number): Promise<string> {
    const length = await this.number();
    if (length > maxBytes)
      return this.fail(`it sent a string of ${length} bytes where at most ${maxBytes} are expected`);
    const text = (await this.bytes(length)).toString();
    const padding = await this.bytes(paddingOf(length));
    return padding.every((byte) => byte === 0) ? text : this.fail("it sent padding that is not zero");
  }

  async strings({ maxCount, maxBytes }: { readonly maxCount: number; readonly maxBytes: number }): Promise<string[]> {
    const count = await this.number();
    if (count > maxCount) return this.fail(`it sent ${count} strings where at most ${maxCount} are expected`);
    const texts: string[] = [];
    while (texts.length < count) texts.push(await this.string(maxBytes));
    return texts;
  }

  async bytes(count: number): Promise<Buffer> {
    return this.#in.take(count) ?? (await this.#in.read(count)) ?? this.#end();
  }

  /** The next bytes of any number, for showing what came instead of what was expected; undefined at the end. */
  async some(count: number): Promise<Buffer | undefined> {
    return this.#in.some(count);
  }

  /** Waits until the other side has taken enough of what was written. */
  async room(): Promise<void> {
    this.#broken.signal.throwIfAborted();
    if (this.out.isFull) await this.#unlessBroken(() => this.out.room());
  }

  /** While in force, an abort of `signal` breaks the connection with the signal's reason. */
  breakOn(signal: AbortSignal | undefined): Disposable {
    const abort = (): void => {
      this.#cut(signal?.reason);
    };
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    return {
      [Symbol.dispose]() {
        signal?.removeEventListener("abort", abort);
      },
    };
  }

  /** Ends everything that waits, or will, with a protocol error. */
  fail(why: string): never {
    const attempt = this.#owed[0]?.attempt ?? "talking to nix-store --serve";
    return this.break(
      new StoreError("store/protocol", `${attempt} failed: nix-store --serve broke the protocol: ${why}`),
    );
  }

  /** Ends everything that waits, or will, with `reason`. The first reason stays. */
  break(reason: unknown): never {
    this.#cut(reason);
    throw this.#broken.signal.reason;
  }

  /** The other side ended too early: breaks with what its exit and its last words tell. */
  async end(): Promise<never> {
    return this.#end();
  }

  /** Closes standard input and waits for the command to end; what is broken, or does not end, is cut off. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      if (!this.isBroken) {
        this.out.flush();
        this.#channel.stdin.end();
        await this.#exitInTime().catch(() => undefined);
      }
    } finally {
      this.#cut(new StoreError("store/closed", "this connection to a host's store is closed"));
      await this.#channel[Symbol.asyncDispose]();
    }
  }

  #end(): Promise<never> {
    this.#ending ??= this.#explainEnd();
    return this.#ending;
  }

  async #explainEnd(): Promise<never> {
    await this.#exitInTime().catch(() => undefined);
    const attempt = this.#owed[0]?.attempt ?? "talking to nix-store --serve";
    return this.break(explainServeEnd({ attempt, exit: this.#exit, stderr: this.#stderr, cause: this.#lost }));
  }

  async #exitInTime(): Promise<void> {
    using deadline = startDeadline(END_MS, {
      signal: this.#broken.signal,
      reason: () => new StoreError("store/silent", "nix-store --serve did not end"),
    });
    await abortable(this.#channel.exited, deadline.signal);
  }

  #cut(reason: unknown): void {
    if (!this.isBroken) this.#broken.abort(reason);
    clearTimeout(this.#silence);
  }

  /** Waits for what may never come. Nothing is started on a broken connection, so that no failure goes unheard. */
  async #unlessBroken<T>(work: () => Promise<T>): Promise<T> {
    this.#broken.signal.throwIfAborted();
    return abortable(work(), this.#broken.signal);
  }

  /** Starts the wait for a sign of life anew, or ends it when nothing is owed. */
  #watchSilence(): void {
    const owed = this.#owed[0];
    clearTimeout(this.#silence);
    if (owed === undefined || this.isBroken) return;
    this.#silence = setTimeout(() => {
      this.#cut(
        new StoreError(
          "store/silent",
          `${owed.attempt} failed: nix-store --serve gave no sign of life for ${formatDuration(owed.silenceMs)}`,
          { hint: "see what holds it up on the host: a garbage collection, a full or slow disk" },
        ),
      );
    }, owed.silenceMs);
  }
}

function chunksOf(stream: Readable): AsyncIterator<Buffer> {
  return stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
}
