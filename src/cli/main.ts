#!/usr/bin/env node
import { exitCodeOfError } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";
import { printError } from "./terminal/print-error.ts";
import { openStandardOutput } from "./terminal/standard-output.ts";
import type { Stream } from "./terminal/terminal.ts";

const output = openStandardOutput();
// Whoever reads what goes on may go away first: the work goes on.
process.stderr.on("error", () => undefined);

const terminal = {
  stdout: output.stream,
  stdoutGone: output.gone,
  stderr: process.stderr,
  // Opening it is for the few commands that read it.
  get stdin() {
    return process.stdin;
  },
  env: process.env,
  cwd: process.cwd(),
};
const code = await runCli(process.argv.slice(2), terminal);
await flushed(output.stream);
if (output.error !== undefined) await printError(output.error, terminal);
await flushed(process.stderr);
// Hosts that are not as wanted say more than that it could not be told: 0 and 10 are for those that are.
process.exit(output.error !== undefined && [0, 10].includes(code) ? exitCodeOfError(output.error) : code);

function flushed(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => {
      resolve();
    });
  });
}
