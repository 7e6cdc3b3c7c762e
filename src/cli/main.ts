#!/usr/bin/env node
import { runCli } from "./run-cli.ts";
import type { Stream } from "./terminal.ts";

// Whoever reads our output may go away first (`skep hosts | head`): the work goes on.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

const terminal = {
  stdout: process.stdout,
  stderr: process.stderr,
  // Opening it is for the few commands that read it.
  get stdin() {
    return process.stdin;
  },
  env: process.env,
  cwd: process.cwd(),
};
const code = await runCli(process.argv.slice(2), terminal);
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(code);

function flushed(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => {
      resolve();
    });
  });
}
