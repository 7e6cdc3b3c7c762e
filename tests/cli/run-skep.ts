import { Writable } from "node:stream";
import { runCli } from "#cli";
import type { Terminal } from "../../src/cli/terminal/terminal.ts";

export interface SkepRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SkepOptions extends Partial<Pick<Terminal, "cwd" | "env" | "stdin">> {
  /** Of the terminal that standard output and standard error are; without it they are none. */
  readonly size?: { readonly columns: number; readonly rows: number } | undefined;
}

/** A `skep` whose words can be read while it says them. */
export interface RunningSkep {
  readonly ended: Promise<SkepRun>;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** Runs `skep` in this process, with nothing in its environment unless it is given. */
export function runSkep(argv: readonly string[], options?: SkepOptions): Promise<SkepRun> {
  return startSkep(argv, options).ended;
}

/** The same, for tests that read or do something meanwhile. */
export function startSkep(
  argv: readonly string[],
  { cwd = "/", env = {}, stdin, size }: SkepOptions = {},
): RunningSkep {
  const [out, err] = [new Collector(), new Collector()];
  if (size !== undefined) for (const stream of [out, err]) Object.assign(stream, { isTTY: true, ...size });
  const [stdout, stderr] = [() => out.text(), () => err.text()];
  const ended = runCli(argv, { stdout: out, stderr: err, stdin, env, cwd });
  return { ended: ended.then((exitCode) => ({ exitCode, stdout: stdout(), stderr: stderr() })), stdout, stderr };
}

/** Keeps its own copy of what is written, as a file does: the writer may overwrite it then. */
class Collector extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(Buffer.from(chunk));
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}
