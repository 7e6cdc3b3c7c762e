import { resolve } from "node:path";
import { ARTIFACTS_FOLDER } from "#hive";
import { exitCodeOfError } from "../exit-codes.ts";
import { fileIn } from "../terminal/file-in.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { afterwards } from "../terminal/write-output.ts";
import { valueIn } from "../value-in.ts";
import { openArtifacts } from "./artifacts.ts";
import { tellError, tellOutputs } from "./tell-step.ts";

/**
 * Ends the step of a pipeline whose command line nobody can carry out, as any other: the artifacts are this job's, and the
 * error is told everywhere. Their folder is the one that the command line names, as far as that can be told; else the usual
 * one. Returns the exit code.
 */
export async function endUnread(error: unknown, argv: readonly string[], terminal: Terminal): Promise<number> {
  const { cwd } = terminal;
  const exitCode = exitCodeOfError(error);
  const named = valueIn(argv, { names: ["--artifacts"] }) ?? "";
  const plan = fileIn(cwd, valueIn(argv, { names: ["--plan"] }));
  let folder: string | undefined;
  await afterwards(exitCode, terminal, async () => {
    folder = await openArtifacts(resolve(cwd, named === "" ? ARTIFACTS_FOLDER : named), { plan });
  });
  await tellError(error, { terminal, output: "auto", folder });
  return afterwards(exitCode, terminal, () => tellOutputs({ "exit-code": exitCode }, terminal));
}
