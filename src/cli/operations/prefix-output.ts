import { once } from "node:events";
import { StringDecoder } from "node:string_decoder";
import type { Host } from "#hive";
import type { Style } from "#report";
import { createPaint, plainLine, useColors } from "#report";
import type { ExecEnding, ExecOutput } from "#rollout";
import type { Stream, Terminal } from "../terminal/terminal.ts";

/** Where what commands print goes. */
export interface OutputSink {
  /** Settles when there is room for more. */
  take(host: Host, output: ExecOutput): Promise<void>;
  /** Tells that no more comes from a host. */
  end(ending: ExecEnding): Promise<void>;
}

/** A line that is longer is broken: what is not ended is kept in memory. */
const LONGEST_LINE = 64 * 1024;

/** Writes each line as it is complete, with its host before it: standard output to ours, standard error to ours. */
export function prefixOutput(hosts: readonly Host[], { stdout, stderr, env }: Terminal): OutputSink {
  const width = Math.max(...hosts.map(({ name }) => name.length));
  const begun = new Map<Host, { readonly stdout: LineWriter; readonly stderr: LineWriter }>();
  const writersTo = (stream: Stream, style: Style) => {
    const room = waitingRoom(stream);
    const paint = createPaint(useColors(stream, env));
    return ({ name }: Host) => lineWriter(stream, { prefix: paint(style, `${name.padEnd(width)} |`), room });
  };
  const [toStdout, toStderr] = [writersTo(stdout, "cyan"), writersTo(stderr, "yellow")];
  const writersOf = (host: Host) => ({ stdout: toStdout(host), stderr: toStderr(host) });
  return {
    async take(host, { stream, chunk }) {
      const writers = begun.get(host) ?? writersOf(host);
      begun.set(host, writers);
      await writers[stream].write(chunk);
    },
    async end({ host }) {
      const writers = begun.get(host);
      begun.delete(host);
      await writers?.stdout.end();
      await writers?.stderr.end();
    },
  };
}

interface LineWriter {
  write(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
}

function lineWriter(
  stream: Stream,
  { prefix, room }: { readonly prefix: string; readonly room: () => Promise<void> },
): LineWriter {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const say = async (lines: readonly string[]): Promise<void> => {
    if (lines.length === 0) return;
    // A terminal is not to take what a host says for commands; a file gets it as it is.
    const texts = stream.isTTY === true ? lines.map((line) => plainLine(line, { maxLength: LONGEST_LINE })) : lines;
    if (!stream.write(texts.map((text) => `${prefix} ${text}\n`).join("")) && !stream.destroyed) await room();
  };
  return {
    async write(chunk) {
      const lines = (rest + decoder.write(chunk)).split("\n");
      rest = lines.pop() ?? "";
      while (rest.length > LONGEST_LINE) {
        lines.push(rest.slice(0, LONGEST_LINE));
        rest = rest.slice(LONGEST_LINE);
      }
      await say(lines);
    },
    async end() {
      rest += decoder.end();
      if (rest !== "") await say([rest]);
      rest = "";
    },
  };
}

/** Waits until a stream takes more: one wait for all hosts, however many wait. */
function waitingRoom(stream: Stream): () => Promise<void> {
  let room: Promise<void> | undefined;
  const wait = async (): Promise<void> => {
    const over = new AbortController();
    const { signal } = over;
    try {
      await Promise.race([once(stream, "drain", { signal }), once(stream, "close", { signal })]);
    } catch {
      // Where nobody reads any more there is nothing to wait for; what follows from that is not said here.
    } finally {
      room = undefined;
      over.abort();
    }
  };
  return () => (room ??= wait());
}
