import type { Readable } from "node:stream";
import type { CommandChannel, CommandExit, CommandRunner } from "#core";
import { abortable, formatDuration, startDeadline } from "#core";
import { StoreError } from "../errors.ts";
import { explainScriptEnd } from "./explain-script-end.ts";
import { loadableScript, SCRIPT_LOADER } from "./script-loader.ts";

export interface ScriptOptions {
  readonly script: string;
  readonly args: readonly string[];
  /** What is done, for errors: "adding 12 paths". */
  readonly attempt: string;
  /** How long the script may keep us waiting; milliseconds, default 5 minutes. */
  readonly silenceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SILENCE_MS = 300_000;
const STDERR_CHARACTERS = 16 * 1024;

/**
 * Starts a POSIX sh script on a host, with its standard input still to be written: the script goes there first.
 * Values go in as arguments or on standard input, never into the text.
 */
export async function openScript(runner: CommandRunner, options: ScriptOptions): Promise<ScriptChannel> {
  const { script, args, signal } = options;
  signal?.throwIfAborted();
  const channel = await runner.open(["sh", "-c", SCRIPT_LOADER, "skep-store", ...args], { signal });
  return new ScriptChannel(channel, loadableScript(script), options);
}

/** Runs a script to its end and gives the lines it printed. */
export async function runHostScript(
  runner: CommandRunner,
  { stdin = "", ...options }: ScriptOptions & { readonly stdin?: string },
): Promise<string[]> {
  await using script = await openScript(runner, options);
  script.stdin.end(stdin);
  const lines: string[] = [];
  for (let line = await script.line(); line !== undefined; line = await script.line()) lines.push(line);
  await script.succeed();
  return lines;
}

/** A running script: what it is told, the lines it answers, and one error that tells how it ended. */
export class ScriptChannel implements AsyncDisposable {
  readonly #channel: CommandChannel;
  readonly #attempt: string;
  readonly #silenceMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #lines: AsyncIterator<string, void>;
  readonly #doomed = new AbortController();
  #stderr = "";

  constructor(channel: CommandChannel, text: string, { attempt, signal, silenceMs = SILENCE_MS }: ScriptOptions) {
    this.#channel = channel;
    this.#attempt = attempt;
    this.#silenceMs = silenceMs;
    this.#signal = signal;
    this.#lines = linesOf(channel.stdout);
    const doom = (): void => {
      this.#doomed.abort();
    };
    channel.exited.then(doom, doom);
    channel.stdin.on("error", doom);
    channel.stderr.on("error", () => undefined);
    channel.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_CHARACTERS);
      if (this.failure().code === "store/disk-full") doom();
    });
    channel.stdin.write(text);
  }

  get stdin(): CommandChannel["stdin"] {
    return this.#channel.stdin;
  }

  /**
   * Aborts when telling the script more is of no use: it ended, or the host's disk is full, after which tar would go on
   * with the next file.
   */
  get doomed(): AbortSignal {
    return this.#doomed.signal;
  }

  /** The next line of output, or undefined at its end. */
  async line(): Promise<string | undefined> {
    const next = await this.inTime(this.#lines.next());
    return next.done === true ? undefined : next.value;
  }

  /**
   * Waits for the script to end well.
   * @param withinMs default: as long as it may be silent.
   * @throws StoreError from its exit and what it printed, when it did not.
   */
  async succeed({ withinMs = this.#silenceMs }: { readonly withinMs?: number } = {}): Promise<void> {
    let exit: CommandExit;
    try {
      exit = await this.inTime(this.#channel.exited, withinMs);
    } catch (error) {
      if (this.#signal?.aborted === true || error instanceof StoreError) throw error;
      throw this.failure({ cause: error });
    }
    if (exit.exitCode !== 0) throw this.failure({ exit });
  }

  /** Waits for the end of a script that ended too early, and says why it did. */
  async ended(): Promise<never> {
    await this.succeed();
    throw this.failure();
  }

  /** The error for what the script has said so far. */
  failure(end: { readonly exit?: CommandExit; readonly cause?: unknown } = {}): StoreError {
    return explainScriptEnd({ attempt: this.#attempt, stderr: this.#stderr, ...end });
  }

  /** Waits for something the host does, but not for ever. */
  async inTime<T>(work: Promise<T>, withinMs: number = this.#silenceMs): Promise<T> {
    using deadline = startDeadline(withinMs, {
      signal: this.#signal,
      reason: () =>
        new StoreError(
          "store/silent",
          `${this.#attempt} failed: the host gave no sign of life for ${formatDuration(withinMs)}`,
          { hint: "see what holds it up on the host: another copy, a garbage collection, a full or slow disk" },
        ),
    });
    work.catch(() => undefined);
    return await abortable(work, deadline.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel[Symbol.asyncDispose]();
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string, void> {
  let rest = "";
  const chunks = stream.setEncoding("utf8").iterator({ destroyOnReturn: false }) as AsyncIterableIterator<string>;
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
