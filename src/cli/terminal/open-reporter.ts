import type { OutputFormat, Reporter } from "#report";
import { createReporter, useColors } from "#report";
import { fileIn } from "./file-in.ts";
import type { Terminal } from "./terminal.ts";

export interface OpenReporterOptions {
  readonly format: OutputFormat;
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** A file for JUnit XML, as it was named at the command line. */
  readonly junit?: string | undefined;
  /** A file for the run's page. */
  readonly html?: string | undefined;
}

/** Opens what tells a run at a terminal. */
export function openReporter(
  { stdout, stderr, env, cwd }: Terminal,
  { format, verbose, quiet, junit, html }: OpenReporterOptions,
): Reporter {
  const colors = useColors(stderr, env);
  const files = { junit: fileIn(cwd, junit), html: fileIn(cwd, html) };
  return createReporter({ format, verbose, quiet, stdout, stderr, env, colors, ...files });
}
