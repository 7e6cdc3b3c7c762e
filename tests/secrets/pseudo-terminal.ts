import { spawn, spawnSync } from "node:child_process";
import type { Readable } from "node:stream";
import type { Argv } from "#core";
import { quoteArgv } from "#core";
import { LOAD } from "../sandbox/typescript-process.ts";

/** Whether util-linux's `script` is there, which gives a program a terminal of its own. */
export const haveScript = spawnSync("script", ["--version"]).status === 0;

/** Runs the command line from its sources, and says at its end how the terminal was left. */
const SKEP = `${LOAD}
import { execFileSync } from "node:child_process";
const { runCli } = await load("#cli");
const [cwd, ...argv] = process.argv.slice(1);
const { stdin, stdout, stderr, env } = process;
const exitCode = await runCli(argv, { stdin, stdout, stderr, env, cwd });
const modes = stdin.isTTY ? execFileSync("stty", ["-a"], { stdio: ["inherit", "pipe", "inherit"] }).toString() : "";
stdout.write("exit code " + exitCode + (/ echo /.test(modes) ? ", echo on" : ", echo off") + "\\n");
process.exit();
`;

export interface OnTerminalOptions {
  readonly cwd: string;
  /** Typed one after another, each when the terminal shows its question. */
  readonly answers?: readonly (readonly [question: string, typed: string])[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a terminal shows of `skep …` when these answers are typed, up to the exit code. */
export async function runOnTerminal(argv: readonly string[], options: OnTerminalOptions): Promise<string> {
  const command = quoteArgv(commandOf(argv, options));
  return run(["script", "--quiet", "--command", command, "/dev/null"], options);
}

/** What `skep …` says where there is no terminal at all. */
export async function runWithoutTerminal(argv: readonly string[], options: OnTerminalOptions): Promise<string> {
  return run(commandOf(argv, options), options);
}

function commandOf(argv: readonly string[], { cwd }: OnTerminalOptions): Argv {
  return [process.execPath, "--conditions=skep-source", "--input-type=module", "-e", SKEP, "--", cwd, ...argv];
}

async function run([program, ...args]: Argv, { answers = [], env = {} }: OnTerminalOptions): Promise<string> {
  // A session of its own has no terminal but the one that it is given.
  const child = spawn(program, args, { detached: true, stdio: "pipe", env: { ...process.env, NO_COLOR: "1", ...env } });
  const left = [...answers];
  let text = "";
  let answered = 0;
  const hear = (chunk: string): void => {
    text += chunk;
    const [question, typed] = left[0] ?? [];
    const at = question === undefined ? -1 : text.indexOf(question, answered);
    if (question === undefined || at === -1) return;
    answered = at + question.length;
    left.shift();
    child.stdin.write(typed ?? "");
  };
  await Promise.all([
    ...[child.stdout, child.stderr].map((stream: Readable) => stream.setEncoding("utf8").forEach(hear)),
    new Promise((resolve) => child.once("exit", resolve)),
  ]);
  return text.replaceAll("\r\n", "\n");
}
