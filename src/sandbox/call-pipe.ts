/**
 * How the `systemctl` on a sandbox host's PATH, a shell script, reaches the unit manager in this process: a shell speaks
 * through files and named pipes only. In the folder of calls, for the caller with process id N:
 *
 *     N        the arguments, a zero byte behind each
 *     N.done   a named pipe, on which the exit code comes as a line
 *     N.out    what to print, written before that
 *     N.err
 *     calls    the named pipe on which a caller says its N
 */
import { execFile } from "node:child_process";
import { constants, openSync } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { errnoOf } from "#core";
import type { CallResult } from "./systemctl-call.ts";

const run = promisify(execFile);

/** Below a host's root. */
export const CALLS_FOLDER = "run/skep-sandbox/calls";

/** The `systemctl` of a sandbox host. `$1` of the text is its folder of calls. */
export function systemctlScript(folder: string): string {
  return `#!/bin/sh
c='${folder.replaceAll("'", `'\\''`)}'/$$
trap 'rm -f "$c" "$c.done" "$c.out" "$c.err"' EXIT
trap 'exit 143' HUP INT TERM
mkfifo -m 600 "$c.done" && exec 3<>"$c.done" || exit 1
if [ $# -gt 0 ]; then printf '%s\\0' "$@"; fi >"$c"
echo $$ >"\${c%/*}/calls"
read -r code <&3
[ ! -s "$c.out" ] || cat "$c.out"
[ ! -s "$c.err" ] || cat "$c.err" >&2
exit "$code"
`;
}

/** Answers calls until disposed of. */
export async function listenForCalls(
  folder: string,
  answer: (args: readonly string[]) => Promise<CallResult>,
): Promise<Disposable> {
  await mkdir(folder, { recursive: true });
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

async function answerCall(call: string, answer: (args: readonly string[]) => Promise<CallResult>): Promise<void> {
  try {
    const args = (await readFile(call, "utf8")).split("\0").slice(0, -1);
    const { exitCode, stdout, stderr } = await answer(args);
    if (stdout !== "") await writeFile(`${call}.out`, stdout);
    if (stderr !== "") await writeFile(`${call}.err`, stderr);
    const done = await open(`${call}.done`, constants.O_WRONLY | constants.O_NONBLOCK);
    await done.writeFile(`${exitCode}\n`);
    await done.close();
  } catch (error) {
    // The caller was killed, or the host was rebooted under it.
    if (errnoOf(error) === undefined) throw error;
  }
}
