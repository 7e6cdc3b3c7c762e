import { existsSync } from "node:fs";
import { join } from "node:path";
import type { SkepErrorJson } from "#core";
import { messageOf, SkepError } from "#core";
import type { OutputFormat } from "#report";
import { stepErrorJunit, stepErrorLog, stepErrorMarkdown } from "#report";
import { exitCodeOfError } from "../exit-codes.ts";
import { errorText } from "../terminal/print-error.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { afterwards, appendOutput, writeOutput } from "../terminal/write-output.ts";
import { ARTIFACTS } from "./artifacts.ts";

/** Where a pipeline looks for how its step ended. */
export interface Step {
  readonly terminal: Terminal;
  readonly output: OutputFormat;
  /** The folder of the artifacts, absolute. Undefined before there is one. */
  readonly folder: string | undefined;
}

const STEP = "skep ci";

/** Tells what ended the step: in the log, as an annotation, in the job's summary, and, unless hosts are in it, as JUnit XML. */
export async function tellError(thrown: unknown, { terminal, output, folder }: Step): Promise<void> {
  const { stderr, env } = terminal;
  const error = errorJson(thrown);
  const text = await errorText(thrown, terminal);
  const ended = { step: STEP, error, at: Date.now() };
  stderr.write(stepErrorLog({ ...ended, text, format: output, stderr, env }));
  // What cannot be told in one place is told in the others all the same.
  const exitCode = exitCodeOfError(thrown);
  await afterwards(exitCode, terminal, () => appendSummary(stepErrorMarkdown(ended), terminal));
  const junit = folder === undefined ? undefined : join(folder, ARTIFACTS.junit);
  if (junit === undefined || existsSync(junit)) return;
  await afterwards(exitCode, terminal, () => writeOutput(junit, stepErrorJunit(ended), { what: "the error" }));
}

/** Adds to the summary of a job of GitHub's; elsewhere nothing. @throws CliError `cli/file`. */
export async function appendSummary(markdown: string, { env }: Terminal): Promise<void> {
  const { GITHUB_STEP_SUMMARY: file } = env;
  if (file !== undefined && file !== "") await appendOutput(file, markdown, { what: "the summary" });
}

/** Gives values to later steps of a job of GitHub's; elsewhere nothing. @throws CliError `cli/file`. */
export async function tellOutputs(outputs: Readonly<Record<string, unknown>>, { env }: Terminal): Promise<void> {
  const { GITHUB_OUTPUT: file } = env;
  if (file === undefined || file === "") return;
  const given = Object.entries(outputs).filter(([, value]) => value !== undefined);
  const text = given.map(([name, value]) => outputText(name, String(value))).join("");
  await appendOutput(file, text, { what: "the outputs of the step" });
}

/** A value of several lines, which a file's name may be, would be read as outputs of their own: it stands before a line that it has not. */
function outputText(name: string, value: string): string {
  if (!/[\r\n]/.test(value)) return `${name}=${value}\n`;
  let end = "END";
  while (value.includes(end)) end += "_";
  return `${name}<<${end}\n${value}\n${end}\n`;
}

function errorJson(thrown: unknown): SkepErrorJson {
  if (thrown instanceof SkepError) return thrown.toJSON();
  return { code: "cli/internal", message: `something in skep itself failed: ${messageOf(thrown)}` };
}
