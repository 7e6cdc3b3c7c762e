import { createReporter } from "#report";
import type { ReporterOptions } from "#report";
import type { RolloutEvent } from "#rollout";
import { captureStream } from "./streams.ts";

/** What a reporter of plain streams writes of a run from its first event to its disposal. */
export async function reportRun(
  events: readonly RolloutEvent[],
  options: Partial<ReporterOptions> = {},
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const streams = { stdout: captureStream(), stderr: captureStream() };
  const defaults = { format: "lines", colors: false, verbose: false, quiet: false, env: {} } as const;
  const reporter = createReporter({ ...defaults, ...streams, ...options });
  for (const event of events) reporter.handle(event);
  await reporter[Symbol.asyncDispose]();
  return { stdout: streams.stdout.text, stderr: streams.stderr.text };
}
