import process from "node:process";
import type { BenchArguments } from "./arguments.ts";
import type { CaseResult } from "./rows.ts";
import { markdownOf, rowsOf, textOf } from "./rows.ts";

/** Prints the result of a case to standard output. */
export function print(result: CaseResult, format: BenchArguments["format"]): void {
  switch (format) {
    case "json":
      for (const row of rowsOf(result)) process.stdout.write(`${JSON.stringify(row)}\n`);
      return;
    case "markdown":
      process.stdout.write(`${markdownOf(result)}\n`);
      return;
    case "text":
      process.stdout.write(`${textOf(result)}\n`);
  }
}

/** Tells on standard error what is going on. */
export function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
