import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Argv } from "#core";

/** What one run of a program cost. */
export interface Measured {
  readonly wallSeconds: number;
  /** User and system time of the program and all its descendants. */
  readonly cpuSeconds: number;
  readonly stdout: string;
}

export interface MeasureOptions {
  readonly env: NodeJS.ProcessEnv;
  /** A file for standard input; default none. */
  readonly stdin?: number | undefined;
  readonly cwd?: string | undefined;
}

const TIMEOUT_MS = 900_000;
/** A shell around the program, because only `times` counts the descendants it waited for. */
const WITH_TIMES = '"$@" 3>&-; code=$?; times >&3; exit "$code"';

/**
 * Runs a program to its end.
 * @throws with what it printed when it fails.
 */
export async function measure(argv: Argv, { env, stdin, cwd }: MeasureOptions): Promise<Measured> {
  const startedAt = performance.now();
  const child = spawn("sh", ["-c", WITH_TIMES, "sh", ...argv], {
    env,
    cwd,
    stdio: [stdin ?? "ignore", "pipe", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
  });
  const [, stdoutPipe, stderrPipe, timesPipe] = child.stdio as unknown as [null, Readable, Readable, Readable];
  const printed = Promise.all([text(stdoutPipe), text(stderrPipe), text(timesPipe)]);
  const [code] = (await once(child, "exit")) as [number | null];
  const wallSeconds = (performance.now() - startedAt) / 1_000;
  const [stdout, stderr, times] = await printed;
  if (code !== 0) throw new Error(`${argv[0]} ${argv.at(-1) ?? ""} ended with ${String(code)}\n${stderr}${stdout}`);
  return { wallSeconds, cpuSeconds: childrenSeconds(times), stdout };
}

/** Runs programs at the same time: the wall until the last ended, the CPU of all. */
export async function measureTogether(argvs: readonly Argv[], options: MeasureOptions): Promise<Measured> {
  const startedAt = performance.now();
  const all = await Promise.all(argvs.map((argv) => measure(argv, options)));
  return {
    wallSeconds: (performance.now() - startedAt) / 1_000,
    cpuSeconds: all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    stdout: all.map(({ stdout }) => stdout).join(""),
  };
}

/** The second line of `times`: user and system time of the shell's children, each as `1m2.345000s`. */
function childrenSeconds(times: string): number {
  const [, children = ""] = times.split("\n");
  let seconds = 0;
  for (const [, minutes, rest] of children.matchAll(/(\d+)m([\d.]+)s/g)) seconds += Number(minutes) * 60 + Number(rest);
  return seconds;
}
