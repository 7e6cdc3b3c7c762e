import type { Readable, Writable } from "node:stream";

/** What a command sees of the process it runs in. */
export interface Terminal {
  readonly stdout: Stream;
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
