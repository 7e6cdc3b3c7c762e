import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { ServerChannel } from "ssh2";
import { messageOf } from "#core";
import type { Pipe, PipeMaker } from "./host-pipes.ts";

/** What commands on a host run with. */
export interface CommandPlace {
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly pipes: PipeMaker;
  /** Aborts when the host is switched off: nothing is started from then on. */
  readonly over: AbortSignal;
}

/** A command of a session under way. */
export interface RunningSession {
  /** Sends a signal to all of the command, named without `SIG`. */
  signal(name: string): void;
  /** Lets go of its streams. As under sshd, the command itself goes on until it reads or writes. */
  abandon(): void;
}

/**
 * Runs `sh` with `args` in a session of its own, its three streams carried by the channel. The channel closes when the
 * command has ended and nobody holds its output any more.
 */
export async function runSession(
  channel: ServerChannel,
  { args, place }: { readonly args: readonly string[]; readonly place: CommandPlace },
): Promise<RunningSession> {
  const [input, output, errors] = await Promise.all([
    place.pipes.make("write"),
    place.pipes.make("read"),
    place.pipes.make("read"),
  ]);
  const pipes = [input, output, errors];
  for (const { ours } of pipes) ours.on("error", () => undefined);
  const gone = new AbortController();
  const abandon = (): void => {
    gone.abort();
    for (const { ours } of pipes) ours.destroy();
  };
  const child = startShell(args, { place, pipes });
  channel.on("error", () => undefined);
  channel.once("close", abandon);
  carryInput(channel, input.ours);
  void carryOutput(channel, { child, output: output.ours, errors: errors.ours, gone: gone.signal });
  return {
    abandon,
    signal(name) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      try {
        process.kill(-child.pid, `SIG${name}`);
      } catch {
        // It ended just now, or there is no such signal here.
      }
    },
  };
}

function startShell(
  args: readonly string[],
  { place, pipes }: { readonly place: CommandPlace; readonly pipes: readonly Pipe[] },
): ChildProcess {
  try {
    place.over.throwIfAborted();
    return spawn("/bin/sh", args, {
      cwd: place.root,
      env: place.environment,
      detached: true,
      stdio: pipes.map(({ theirs }) => theirs),
    });
  } finally {
    for (const { theirs } of pipes) closeSync(theirs);
  }
}

function carryInput(channel: ServerChannel, input: Writable): void {
  channel.pipe(input);
  // What a command does not read any more is not kept from the network's window, which other messages need.
  input.once("close", () => {
    channel.unpipe(input);
    channel.resume();
  });
}

interface CarryOptions {
  readonly child: ChildProcess;
  readonly output: Readable;
  readonly errors: Readable;
  readonly gone: AbortSignal;
}

async function carryOutput(channel: ServerChannel, { child, output, errors, gone }: CarryOptions): Promise<void> {
  const ended = exitOf(child);
  const turns = takeTurns();
  const carry = async (from: Readable, to: Writable): Promise<void> => {
    for await (const chunk of from) await turns(() => write(chunk as Buffer, { channel, to, gone }));
  };
  try {
    const [exit] = await Promise.all([ended, carry(output, channel), carry(errors, channel.stderr)]);
    if (typeof exit === "number") channel.exit(exit);
    else channel.exit(exit.replace(/^SIG/, ""), false, "");
  } catch (error) {
    if (gone.aborted) return;
    channel.stderr.write(`skep sandbox: ${messageOf(error)}\n`);
    channel.exit(255);
  }
  channel.end();
}

async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals];
  return code ?? signal;
}

/**
 * A channel of ssh2 that waits for window remembers one chunk for its two streams together, and keeps it when it was
 * sent. So they take turns, and what was sent is forgotten for it.
 */
function takeTurns(): (work: () => Promise<void>) => Promise<void> {
  let last = Promise.resolve();
  return (work) => {
    last = last.then(work);
    return last;
  };
}

async function write(
  chunk: Buffer,
  { channel, to, gone }: { readonly channel: ServerChannel; readonly to: Writable; readonly gone: AbortSignal },
): Promise<void> {
  gone.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      reject(gone.reason as Error);
    };
    gone.addEventListener("abort", stop, { once: true });
    to.write(chunk, () => {
      gone.removeEventListener("abort", stop);
      resolve();
    });
  });
  Object.assign(channel, { _chunk: undefined, _chunkcb: undefined, _chunkErr: undefined, _chunkcbErr: undefined });
}
