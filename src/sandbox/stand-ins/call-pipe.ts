/**
 * How the programs on a sandbox host's PATH that are shell scripts, `systemctl` and `age`, reach this process: a shell
 * speaks through files and named pipes only. In the folder of calls, for the caller with process id N:
 *
 *     calls    the named pipe on which a caller says its N
 *     N        the program's name, the folder it was called in and its arguments, a zero byte behind each
 *     N.done   a named pipe for the answer:
 *                answer = "input" LF / exit-code SP length LF length*OCTET
 *     N.in     the standard input, where "input" was answered; then the caller says its N once more
 *     N.err    what to print on standard error, written before the answer
 *
 * What is printed on standard output may be a secret: its octets go through the pipe and are in no file.
 */
import { execFile } from "node:child_process";
import { constants, openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { errnoOf, messageOf } from "#core";

const run = promisify(execFile);

/** Below a host's root. */
export const CALLS_FOLDER = "run/skep-sandbox/calls";

/** A program called on a sandbox host. */
export interface ProgramCall {
  readonly program: string;
  /** The folder it was called in, as this machine knows it. */
  readonly directory: string;
  readonly args: readonly string[];
  /** Its standard input, once it was asked for. */
  readonly input: Buffer | undefined;
}

/** What a called program printed and how it ended. */
export interface ProgramResult {
  readonly exitCode: number;
  /** Bytes are overwritten once they are sent. */
  readonly stdout: string | Buffer;
  readonly stderr: string;
}

/** @returns `"input"` to be asked again with the standard input. */
export type AnswerCall = (call: ProgramCall) => Promise<ProgramResult | "input">;

/** A program of a sandbox host that this process answers for; `folder` is its folder of calls. */
export function callingScript(program: string, folder: string): string {
  return `#!/bin/sh
c='${folder.replaceAll("'", `'\\''`)}'/$$
trap 'rm -f "$c" "$c.done" "$c.in" "$c.err"' EXIT
trap 'exit 143' HUP INT TERM
mkfifo -m 600 "$c.done" && exec 3<>"$c.done" || exit 1
printf '%s\\0' ${program} "$PWD" "$@" >"$c"
echo $$ >"\${c%/*}/calls"
read -r code length <&3
if [ "$code" = input ]; then
  cat >"$c.in"
  echo $$ >"\${c%/*}/calls"
  read -r code length <&3
fi
[ "$length" = 0 ] || head -c "$length" <&3
[ ! -s "$c.err" ] || cat "$c.err" >&2
exit "$code"
`;
}

/** Answers calls until disposed of. */
export async function listenForCalls(folder: string, answer: AnswerCall): Promise<Disposable> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "calls");
  await run("mkfifo", ["-m", "600", path]);
  // Held open both ways: it never ends, and no caller waits for a reader.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const calls = new Socket({ fd, readable: true, writable: false });
  let begun = "";
  calls.setEncoding("utf8");
  calls.on("error", () => undefined);
  calls.on("data", (text: string) => {
    const lines = (begun + text).split("\n");
    begun = lines.pop() ?? "";
    for (const caller of lines) if (/^\d+$/.test(caller)) void answerCall(join(folder, caller), answer);
  });
  return {
    [Symbol.dispose]() {
      calls.destroy();
    },
  };
}

async function answerCall(call: string, answer: AnswerCall): Promise<void> {
  try {
    const [program = "", directory = "/", ...args] = (await readFile(call, "utf8")).split("\0").slice(0, -1);
    const input = await readIfThere(`${call}.in`);
    const result = await answer({ program, directory, args, input }).catch((error: unknown) => ({
      exitCode: 255,
      stdout: "",
      stderr: `skep sandbox: ${program}: ${messageOf(error)}\n`,
    }));
    if (result === "input") {
      await send(`${call}.done`, Buffer.from("input\n"));
      return;
    }
    const { exitCode, stdout, stderr } = result;
    if (stderr !== "") await writeFile(`${call}.err`, stderr);
    const output = Buffer.from(stdout);
    const line = Buffer.from(`${exitCode} ${output.length}\n`);
    const whole = Buffer.concat([line, output]);
    for (const part of [output, stdout]) if (typeof part !== "string") part.fill(0);
    await send(`${call}.done`, whole);
  } catch (error) {
    // The caller was killed, or the host was rebooted under it.
    if (errnoOf(error) === undefined) throw error;
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes to a pipe that has a reader, as it is read, and overwrites the bytes. */
async function send(pipe: string, bytes: Buffer): Promise<void> {
  const fd = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: false, writable: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.end(bytes, resolve);
    });
  } finally {
    socket.destroy();
    bytes.fill(0);
  }
}
