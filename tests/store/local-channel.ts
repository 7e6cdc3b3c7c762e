import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Argv, CommandChannel, CommandExit } from "#core";

/** A command on this machine, as a channel to a host would give it. */
export function openLocalChannel(
  argv: Argv,
  { env = {} }: { readonly env?: Record<string, string> } = {},
): CommandChannel {
  const [program, ...args] = argv;
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  const exited = new Promise<CommandExit>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      resolve(exitCode === null ? { exitCode, signal: signal ?? "unknown" } : { exitCode });
    });
  });
  exited.catch(() => undefined);
  return {
    argv,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}
