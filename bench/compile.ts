import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import process from "node:process";
import ts from "typescript";
import type { Argv } from "#core";

/** Where programs from {@link compile} must be started: `#` imports are looked up from there. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * The command that runs a program of this folder on plain Node and the built `dist`, without a compiler in the process,
 * whose time and memory would be counted as skep's. Arguments begin at `process.argv[1]`.
 */
export async function compile(program: string, flags: readonly string[] = []): Promise<Argv> {
  const source = await readFile(new URL(program, import.meta.url), "utf8");
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  return [process.execPath, ...profilerFlags(), ...flags, "--input-type=module", "--eval", outputText];
}

/** `node --cpu-prof … bench/copy.ts`, or `--heap-prof`, profiles what is measured. */
function profilerFlags(): string[] {
  return process.execArgv.filter((flag) => /^--(cpu|heap)-prof/.test(flag));
}
