import { PassThrough, Readable } from "node:stream";
import { expect, it } from "vitest";
import type { CommandRunner } from "#core";
import { runCommand } from "../../src/ssh/connection/run-command.ts";

it("a line that comes in very many pieces is given once, and is read once", { timeout: 20_000 }, async () => {
  const pieces = 60_000;
  const piece = Buffer.from("x".repeat(200));
  const open: CommandRunner["open"] = (argv) =>
    Promise.resolve({
      argv,
      stdin: new PassThrough(),
      stdout: Readable.from([...Array.from({ length: pieces }, () => piece), Buffer.from("é\nend")]),
      stderr: Readable.from([]),
      exited: Promise.resolve({ exitCode: 0 }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  const lines: string[] = [];
  await runCommand(open, ["cat"], { onStdoutLine: (line) => lines.push(line) });
  expect(lines.map((line) => [line.length, line.at(-1)])).toEqual([
    [pieces * piece.length + 1, "é"],
    [3, "d"],
  ]);
});
