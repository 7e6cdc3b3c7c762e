import { fstatSync, writeSync } from "node:fs";
import { Writable } from "node:stream";
import { isatty } from "node:tty";
import { errnoOf, reasonOf } from "#core";
import { CliError } from "../errors.ts";
import type { Stream } from "./terminal.ts";

/** Standard output, and what became of it. */
export interface StandardOutput {
  readonly stream: Stream;
  /** Aborts once nothing can be written any more: the reader went away, or the disk is full. */
  readonly gone: AbortSignal;
  /** Why something was lost. Undefined when nothing was, or only because the reader (`skep … | head`) had enough. */
  readonly error: CliError | undefined;
}

/** The process's standard output. */
export function openStandardOutput(): StandardOutput {
  const stream = isOfNodes(STDOUT) ? process.stdout : fileStream(STDOUT);
  const gone = new AbortController();
  let error: CliError | undefined;
  stream.on("error", (cause: unknown) => {
    if (errnoOf(cause) !== "EPIPE") error ??= lostOutput(cause);
    gone.abort();
  });
  return {
    stream,
    gone: gone.signal,
    get error() {
      return error;
    },
  };
}

const STDOUT = 1;

/** Whether Node's own stream tells what it could not write: of files it takes a part for the whole. */
function isOfNodes(fd: number): boolean {
  const found = fstatSync(fd);
  return isatty(fd) || found.isFIFO() || found.isSocket();
}

function fileStream(fd: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

function lostOutput(cause: unknown): CliError {
  return new CliError("cli/output", `cannot write to standard output: ${reasonOf(cause)}`, {
    hint: "what it got is not whole",
    cause,
  });
}
