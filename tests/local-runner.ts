import { spawn } from "node:child_process";
import type { CommandExit, CommandRunner } from "#core";

/** Runs commands on this machine, where a test needs a host only for its `sh`. */
export const localRunner: CommandRunner = {
  run(argv, { stdin, signal } = {}) {
    const [program, ...args] = argv;
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { signal });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      child.once("error", reject);
      child.once("close", (exitCode, killedBy) => {
        const exit: CommandExit = exitCode === null ? { exitCode, signal: String(killedBy) } : { exitCode };
        resolve({ argv, exit, stdout, stderr });
      });
      child.stdin.on("error", () => undefined);
      child.stdin.end(stdin);
    });
  },
  open() {
    throw new Error("this runner opens no channels");
  },
};
