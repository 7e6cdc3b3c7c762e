import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Argv, CommandResult, CommandRunner, RunOptions } from "#core";
import { startDeadline } from "#core";
import { SshError } from "../errors.ts";
import { describeCommand } from "./describe-command.ts";

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 16 * 1024 * 1024;

/** {@link CommandRunner.run} by way of its `open`. */
export async function runCommand(
  open: CommandRunner["open"],
  argv: Argv,
  { stdin, signal, timeoutMs = DEFAULT_TIMEOUT_MS, onStdoutLine }: RunOptions = {},
): Promise<CommandResult> {
  using deadline = startDeadline(timeoutMs, {
    signal,
    reason: () =>
      new SshError("ssh/command-timeout", `${describeCommand(argv)} did not end within ${timeoutMs / 1_000} s`),
  });
  await using channel = await open(argv, { signal: deadline.signal });
  channel.stdin.end(stdin);
  const [exit, stdout, stderr] = await Promise.all([
    channel.exited,
    collectAll(channel.stdout, { argv, onLine: onStdoutLine }),
    collectLast(channel.stderr),
  ]);
  return { argv, exit, stdout, stderr };
}

/** All of a stream. A part must not be taken for the whole, so too much is an error. */
async function collectAll(
  stream: Readable,
  { argv, onLine }: { readonly argv: Argv; readonly onLine: ((line: string) => void) | undefined },
): Promise<string> {
  const chunks: Buffer[] = [];
  const lines = onLine === undefined ? undefined : splitLines(onLine);
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_OUTPUT) {
      throw new SshError(
        "ssh/output-too-long",
        `${describeCommand(argv)} printed more than ${MAX_OUTPUT / 1024 / 1024} MiB`,
      );
    }
    chunks.push(chunk);
    lines?.push(chunk);
  }
  lines?.end();
  return Buffer.concat(chunks, length).toString("utf8");
}

/** The last of a stream: an explanation stands at the end. */
async function collectLast(stream: Readable): Promise<string> {
  let chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length <= 2 * MAX_OUTPUT) continue;
    chunks = [Buffer.concat(chunks, length).subarray(length - MAX_OUTPUT)];
    length = MAX_OUTPUT;
  }
  return Buffer.concat(chunks, length).subarray(-MAX_OUTPUT).toString("utf8");
}

/** Calls `onLine` with each line, without its end; an unfinished last line counts. */
function splitLines(onLine: (line: string) => void): { push(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const take = (text: string): void => {
    if (!text.includes("\n")) {
      // Not looked at again: a line of many pieces would be read once for each.
      rest += text;
      return;
    }
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
  return {
    push(chunk) {
      take(decoder.write(chunk));
    },
    end() {
      take(decoder.end());
      if (rest !== "") onLine(rest);
    },
  };
}
