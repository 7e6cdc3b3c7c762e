import type { Readable, Writable } from "node:stream";

/** What a command sees of the process it runs in. */
export interface Terminal {
  readonly stdout: Stream;
  /** Aborts once nobody takes what is written to `stdout`. */
  readonly stdoutGone?: AbortSignal | undefined;
  readonly stderr: Stream;
  /** Undefined where nothing can come in. */
  readonly stdin?: (Readable & { readonly isTTY?: boolean | undefined }) | undefined;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly cwd: string;
}

/** A standard stream: a terminal has a size. */
export type Stream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

/** The signal, or that nobody takes what is written to standard output: for commands that do nothing but write there. */
export function untilUnread(signal: AbortSignal, { stdoutGone }: Terminal): AbortSignal {
  return stdoutGone === undefined ? signal : AbortSignal.any([signal, stdoutGone]);
}
