import type { Writable } from "node:stream";

/** A stream the reporter is handed: standard output or error, a file, a pipe. A terminal also has a size. */
export interface OutputStream extends Writable {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Where text goes. A reader that went away is no reason to end a deployment, so writing never fails. */
export interface Output extends AsyncDisposable {
  /** The size as it is now; 0 where the stream does not know. */
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
}

/** Takes a stream in hand until disposed, which waits for everything written to be taken. */
export function openOutput(stream: OutputStream): Output {
  stream.on("error", ignore);
  return {
    get columns() {
      return stream.columns ?? 0;
    },
    get rows() {
      return stream.rows ?? 0;
    },
    write(text) {
      if (text !== "" && stream.writable) stream.write(text);
    },
    async [Symbol.asyncDispose]() {
      // A stream that failed tells so once more after this, to nobody if not to `ignore`.
      if (stream.writable && (await flush(stream))) stream.off("error", ignore);
    },
  };
}

/**
 * Whether everything written was taken. There is no deadline: how fast results are read is for the reader to say, and
 * giving up would cut them short.
 */
function flush(stream: OutputStream): Promise<boolean> {
  return new Promise((resolve) => {
    stream.write("", (error) => {
      resolve(error === undefined || error === null);
    });
  });
}

function ignore(): void {
  // The stream is not writable any more, which is what `write` looks at.
}
