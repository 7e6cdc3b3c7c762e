/**
 * Pipes for a command's standard streams. Those of `child_process` are sockets, on which a script's `>/dev/stderr`
 * fails; sshd gives pipes. Node.js has no pipe(2), so named ones are made, many at a time, and unlinked once open.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const BATCH = 48;

/** One pipe: our end as a stream, the other as a file descriptor that is closed once a process has it. */
export interface Pipe {
  readonly ours: Socket;
  readonly theirs: number;
}

export interface PipeMaker {
  /** A pipe that we read (`"read"`) or write. */
  make(direction: "read" | "write"): Promise<Pipe>;
}

export function createPipeMaker(folder: string): PipeMaker {
  const spare: string[] = [];
  let refill: Promise<void> | undefined;
  const take = async (): Promise<string> => {
    for (;;) {
      const path = spare.pop();
      if (path !== undefined) return path;
      refill ??= makeNamedPipes(folder).then((paths) => {
        spare.push(...paths);
        refill = undefined;
      });
      await refill;
    }
  };
  return {
    async make(direction) {
      const path = await take();
      // Held open both ways, neither of the two ends that count waits for the other. None of these calls can block.
      const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      try {
        const [ourMode, theirMode] =
          direction === "read" ? [constants.O_RDONLY, constants.O_WRONLY] : [constants.O_WRONLY, constants.O_RDONLY];
        const theirs = openSync(path, theirMode);
        const fd = openSync(path, ourMode | constants.O_NONBLOCK);
        return { ours: new Socket({ fd, readable: direction === "read", writable: direction === "write" }), theirs };
      } finally {
        closeSync(both);
        unlinkSync(path);
      }
    },
  };
}

async function makeNamedPipes(folder: string): Promise<string[]> {
  const paths = Array.from({ length: BATCH }, () => join(folder, `pipe.${randomBytes(8).toString("hex")}`));
  await run("mkfifo", ["-m", "600", "--", ...paths]);
  return paths;
}
