import type { ClientChannel } from "ssh2";
import type { Argv, CommandChannel, CommandExit } from "#core";
import { SshError } from "../errors.ts";
import { readFromChannel, writeToChannel } from "./channel-streams.ts";
import { describeCommand } from "./describe-command.ts";
import type { Transport } from "./transport.ts";

/** As much of standard error as telling a refused elevation takes. */
const STDERR_HEAD = 4 * 1024;

/** A command's session on a connection that may fail under it. */
export interface SessionChannel extends CommandChannel {
  /** Gives the command up: asks it to end, closes the session, fails its streams with `reason`. */
  abandon(reason: unknown): void;
}

export interface SessionOptions {
  readonly argv: Argv;
  readonly transport: Transport;
  /** Turns an ending into an error, by how the command ended and the first of what it printed to standard error. */
  readonly judge: (exit: CommandExit, stderrHead: string) => SshError | undefined;
}

export function commandChannel(channel: ClientChannel, { argv, transport, judge }: SessionOptions): SessionChannel {
  const stdin = writeToChannel(channel, transport);
  const stdout = readFromChannel(channel);
  const stderr = readFromChannel(channel.stderr);
  const stderrHead = keepHead(channel);

  let exit: CommandExit | undefined;
  let closed = false;
  let settle: (exit: CommandExit) => void = () => undefined;
  let fail: (reason: unknown) => void = () => undefined;
  const exited = new Promise<CommandExit>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  // Not everyone who opens a channel asks how it ended.
  exited.catch(() => undefined);

  channel.once("exit", (code: number | null, signal?: string) => {
    exit = code === null ? { exitCode: null, signal: (signal ?? "").replace(/^SIG/, "") } : { exitCode: code };
  });
  channel.once("close", () => {
    closed = true;
    if (!stdin.writableFinished) {
      stdin.destroy(
        new SshError("ssh/stdin-closed", `${describeCommand(argv)} ended before it had read all of its input`),
      );
    }
    if (exit === undefined) {
      fail(
        new SshError("ssh/exit-unknown", `the session of ${describeCommand(argv)} closed without an exit status`, {
          hint: "the host may have ended it: look for the session in its sshd and kernel logs",
        }),
      );
      return;
    }
    const error = judge(exit, stderrHead());
    if (error === undefined) settle(exit);
    else fail(error);
  });

  const abandon = (reason: unknown): void => {
    if (closed) return;
    fail(reason);
    const error = reason instanceof Error ? reason : new SshError("ssh/closed", "the command was given up");
    for (const stream of [stdin, stdout, stderr]) stream.destroy(error);
    // sshd passes it on for other users than root; a root's command sees its streams close.
    channel.signal("TERM");
    channel.close();
  };

  return {
    argv,
    stdin,
    stdout,
    stderr,
    exited,
    abandon,
    // Not waiting for the host to close its side: it does so only when the command has ended.
    [Symbol.asyncDispose]() {
      if (!closed) abandon(new SshError("ssh/closed", `${describeCommand(argv)} was given up before it ended`));
      return Promise.resolve();
    },
  };
}

function keepHead(channel: ClientChannel): () => string {
  let head = Buffer.alloc(0);
  channel.stderr.on("data", (chunk: Buffer) => {
    if (head.length < STDERR_HEAD) head = Buffer.concat([head, chunk.subarray(0, STDERR_HEAD - head.length)]);
  });
  return () => head.toString("utf8");
}
