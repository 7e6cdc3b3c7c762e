import { PassThrough, Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { CommandChannel, CommandExit } from "#core";
import type { PathInfo, StorePath } from "#store";
import { narHashOf, parseStorePath } from "#store";
import { ByteReader } from "../../src/store/byte-reader.ts";
import { encodedLength, paddingOf, readU64, writeString, writeU64 } from "../../src/store/wire.ts";

export interface Program {
  readonly stdin: ByteReader;
  /** Writes to standard output, and waits until the other side has room for more. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly complain: (text: string) => void;
}

/** A command of our own, seen through a channel. It ends with the exit code its function gives. */
export function openProgram(main: (program: Program) => Promise<number>): CommandChannel {
  const received = new PassThrough({ highWaterMark: 1024 * 1024 });
  const stdin = new Writable({
    // Who writes may use the memory again once it was called back, as with a pipe.
    write(chunk: Buffer, _encoding, done) {
      if (received.write(Buffer.from(chunk))) done();
      else received.once("drain", done);
    },
    final(done) {
      received.end(done);
    },
  });
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const chunks = received.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  let finish: (exit: CommandExit) => void = () => undefined;
  const exited = new Promise<CommandExit>((resolve) => {
    finish = resolve;
  });
  const program: Program = {
    stdin: new ByteReader(async () => {
      const next = await chunks.next().catch(() => ({ done: true as const, value: undefined }));
      return next.done === true ? undefined : next.value;
    }),
    write: async (bytes) => {
      if (!stdout.destroyed) stdout.write(bytes);
      await turn();
    },
    complain: (text) => stderr.write(text),
  };
  void main(program).then(
    (exitCode) => {
      stdout.end();
      stderr.end();
      finish({ exitCode });
    },
    (error: unknown) => {
      stderr.end(String(error));
      stdout.end();
      finish({ exitCode: 1 });
    },
  );
  return {
    argv: ["nix-store", "--serve", "--write"],
    stdin,
    stdout,
    stderr,
    exited,
    [Symbol.asyncDispose]() {
      for (const stream of [stdin, received, stdout, stderr]) stream.destroy();
      finish({ exitCode: null, signal: "KILL" });
      return Promise.resolve();
    },
  };
}

export interface FakeHostOptions {
  /** Called when the header of a path has come, before its NAR. */
  readonly onArrival?: ((path: StorePath, channel: number) => void) | undefined;
  /** Settles when a path may be answered. Default: at once. */
  readonly beforeAnswer?: ((path: StorePath, channel: number) => Promise<void>) | undefined;
  /** Sends answers in pieces of so many bytes. */
  readonly pieceBytes?: number | undefined;
  /** What the host's substituters have. */
  readonly substitutable?: readonly StorePath[] | undefined;
  /** Ends a channel with exit code 1 and these words when this path comes. */
  readonly failOn?: { readonly path: StorePath; readonly words: string } | undefined;
  /** Waits so long before the answer to a query; milliseconds. */
  readonly queryDelayMs?: number | undefined;
}

export interface FakeHost {
  readonly valid: Set<StorePath>;
  /** Paths in the order their NARs were complete, over all channels. */
  readonly added: StorePath[];
  readonly queries: { readonly lock: number; readonly substitute: number; readonly paths: StorePath[] }[];
  channels: number;
  open(): CommandChannel;
  /** Ends every channel with exit code 1. */
  fail(): void;
}

/** A host that speaks the serve protocol as Nix does, and like Nix takes no path before its references. */
export function makeFakeHost(options: FakeHostOptions = {}): FakeHost {
  let fail: (reason: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const host: FakeHost = {
    valid: new Set(),
    added: [],
    queries: [],
    channels: 0,
    open() {
      const channel = host.channels;
      host.channels += 1;
      return openProgram((program) => Promise.race([serve(host, options, { program, channel }), failed]));
    },
    fail() {
      fail(new Error("error: the host went down"));
    },
  };
  return host;
}

async function serve(
  host: FakeHost,
  options: FakeHostOptions,
  { program, channel }: { readonly program: Program; readonly channel: number },
): Promise<number> {
  const wire = new Wire(program, options.pieceBytes);
  await wire.number();
  await wire.send(u64(0x5452eecb), u64(0x207));
  await wire.number();
  const answers: Promise<void>[] = [];
  for (;;) {
    const command = await wire.numberOrEnd();
    if (command === undefined) {
      await Promise.all(answers);
      return 0;
    }
    if (command === 1) {
      const query = { lock: await wire.number(), substitute: await wire.number(), paths: await wire.paths() };
      if (options.queryDelayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.queryDelayMs));
      if (query.paths.length > 0) host.queries.push(query);
      if (query.substitute === 1) {
        for (const path of options.substitutable ?? []) if (query.paths.includes(path)) host.valid.add(path);
      }
      await wire.send(list(query.paths.filter((path) => host.valid.has(path))));
    } else if (command === 9) {
      const { path, references, narSize } = await wire.pathInfo();
      options.onArrival?.(path, channel);
      if (options.failOn?.path === path) {
        program.complain(`error: ${options.failOn.words}\n`);
        return 1;
      }
      await wire.skip(narSize);
      const absent = references.find((reference) => reference !== path && !host.valid.has(reference));
      if (absent !== undefined) {
        program.complain(`error: reference ${absent} of ${path} is not valid\n`);
        return 1;
      }
      if (options.beforeAnswer === undefined) {
        host.valid.add(path);
        host.added.push(path);
        await wire.send(u64(1));
      } else {
        host.valid.add(path);
        host.added.push(path);
        const before = answers.at(-1);
        const allowed = options.beforeAnswer(path, channel);
        answers.push(Promise.all([before, allowed]).then(() => wire.send(u64(1))));
      }
    } else {
      throw new Error(`error: unknown serve command ${command}`);
    }
  }
}

class Wire {
  readonly #program: Program;
  readonly #pieceBytes: number | undefined;

  constructor(program: Program, pieceBytes: number | undefined) {
    this.#program = program;
    this.#pieceBytes = pieceBytes;
  }

  async send(...parts: Buffer[]): Promise<void> {
    const bytes = Buffer.concat(parts);
    const size = this.#pieceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) await this.#program.write(bytes.subarray(at, at + size));
  }

  async numberOrEnd(): Promise<number | undefined> {
    const bytes = await this.#program.stdin.read(8);
    return bytes === undefined ? undefined : readU64(bytes);
  }

  async number(): Promise<number> {
    return (await this.numberOrEnd()) ?? this.#ended();
  }

  async string(): Promise<string> {
    const length = await this.number();
    const bytes = (await this.#program.stdin.read(length + paddingOf(length))) ?? this.#ended();
    return bytes.subarray(0, length).toString();
  }

  async strings(): Promise<string[]> {
    const count = await this.number();
    const texts: string[] = [];
    while (texts.length < count) texts.push(await this.string());
    return texts;
  }

  async paths(): Promise<StorePath[]> {
    return (await this.strings()).map(parseStorePath);
  }

  async pathInfo(): Promise<PathInfo> {
    const path = parseStorePath(await this.string());
    await this.string();
    const narHash = narHashOf(Buffer.from(await this.string(), "hex"));
    const references = await this.paths();
    await this.number();
    const narSize = await this.number();
    await this.number();
    return { path, narHash, references, narSize, signatures: await this.strings(), ca: await this.string() };
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0;) left -= ((await this.#program.stdin.some(left)) ?? this.#ended()).length;
  }

  #ended(): never {
    throw new Error("error: unexpected end-of-file");
  }
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  writeU64(bytes, value, 0);
  return bytes;
}

export function list(texts: readonly string[]): Buffer {
  return Buffer.concat([u64(texts.length), ...texts.map(text)]);
}

export function text(value: string): Buffer {
  const bytes = Buffer.alloc(encodedLength(Buffer.byteLength(value)));
  writeString(bytes, value, { offset: 0 });
  return bytes;
}
