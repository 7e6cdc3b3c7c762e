import { execFile } from "node:child_process";
import { describeExit, errnoOf, lastLines } from "#core";
import type { CommandExit } from "#core";
import type { CommandCheck } from "#hive";
import type { Answer } from "./attempt.ts";
import type { CheckedHost } from "./checked-host.ts";

export async function attemptCommand(check: CommandCheck, host: CheckedHost, signal: AbortSignal): Promise<Answer> {
  const result =
    check.on === "host"
      ? await host.runner.run(check.argv, { signal, timeoutMs: check.timeoutMs })
      : await runHere(check, host, signal);
  const exit = describeExit(result.exit);
  const said = lastLines(result, 1).slice(0, 200);
  return { passed: result.exit.exitCode === 0, seen: said === "" ? exit : `${exit}: ${said}` };
}

interface Ended {
  readonly exit: CommandExit;
  readonly stdout: string;
  readonly stderr: string;
}

function runHere(check: CommandCheck, host: CheckedHost, signal: AbortSignal): Promise<Ended> {
  const [program, ...args] = check.argv;
  const env = { ...process.env, SKEP_HOST: host.name, SKEP_ADDRESS: host.address };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { signal, env, maxBuffer: 1024 * 1024 }, (error, stdout, stderr) => {
      if (errnoOf(error) !== undefined) reject(error ?? new Error("it could not be started"));
      else if (child.exitCode !== null) resolve({ exit: { exitCode: child.exitCode }, stdout, stderr });
      else if (child.signalCode !== null && !signal.aborted) {
        resolve({ exit: { exitCode: null, signal: child.signalCode.replace(/^SIG/, "") }, stdout, stderr });
      } else reject(error ?? new Error("it could not be started"));
    });
  });
}
