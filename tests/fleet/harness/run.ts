import { spawn } from "node:child_process";
import type { Argv } from "#core";

/** How a command on the operator's machine or on a host ended. */
export interface Outcome {
  /** The exit code; 137 when a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunLocalOptions {
  readonly stdin?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** After this the program is killed and the call throws; default 120,000. */
  readonly timeoutMs?: number | undefined;
  readonly cwd?: string | undefined;
  /** The whole environment; default the caller's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Called with each complete line of either stream, as it comes. */
  readonly onLine?: ((line: string) => void) | undefined;
}

const DEFAULT_TIMEOUT_MS = 120_000;
const ENDED_BY_SIGNAL = 137;

/**
 * Runs a program on this machine to its end. One that fails is an outcome, not an error.
 * @throws when it cannot be started, its deadline passes or `signal` aborts; the program is then killed.
 */
export async function run(argv: Argv, options: RunLocalOptions = {}): Promise<Outcome> {
  const { stdin, signal, timeoutMs = DEFAULT_TIMEOUT_MS, cwd, env, onLine } = options;
  signal?.throwIfAborted();
  const [program, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: "pipe" });
    const giveUp = (reason: Error): void => {
      child.kill("SIGKILL");
      reject(reason);
    };
    const timer = setTimeout(() => {
      giveUp(new Error(`${argv.join(" ")} ran for more than ${timeoutMs} ms\n${stderr.text()}`));
    }, timeoutMs);
    const onAbort = (): void => {
      giveUp(signal?.reason as Error);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const stdout = collect(child.stdout, onLine);
    const stderr = collect(child.stderr, onLine);
    // A program that does not read its input to the end is no failure of ours.
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    child.once("error", (error) => {
      settle();
      reject(error);
    });
    child.once("close", (code) => {
      settle();
      resolve({ exitCode: code ?? ENDED_BY_SIGNAL, stdout: stdout.text(), stderr: stderr.text() });
    });
  });
}

/**
 * Runs a program that has to succeed, and gives its standard output without the last newline.
 * @throws with what it printed when it fails.
 */
export async function must(argv: Argv, options: RunLocalOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await run(argv, options);
  if (exitCode !== 0) throw new Error(`${argv.join(" ")} failed with exit code ${exitCode}\n${stderr}${stdout}`);
  return stdout.trimEnd();
}

function collect(stream: NodeJS.ReadableStream, onLine: ((line: string) => void) | undefined): { text(): string } {
  let text = "";
  let lineStart = 0;
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
    if (onLine === undefined) return;
    for (let end = text.indexOf("\n", lineStart); end >= 0; end = text.indexOf("\n", lineStart)) {
      onLine(text.slice(lineStart, end));
      lineStart = end + 1;
    }
  });
  return { text: () => text };
}
