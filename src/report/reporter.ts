import { messageOf } from "#core";
import type { RolloutEvent } from "#rollout";
import { withoutGithubCommands } from "./ci/github-text.ts";
import { openGithubView } from "./ci/github-view.ts";
import { openGitlabView } from "./ci/gitlab-view.ts";
import { openLinesView } from "./lines/lines-view.ts";
import { openNdjsonView } from "./ndjson/ndjson-view.ts";
import type { OutputFormat } from "./output-format.ts";
import { chooseFormat } from "./output-format.ts";
import type { OutputStream } from "./output.ts";
import { openOutput } from "./output.ts";
import { renderRecord } from "./record.ts";
import { writeReportFiles } from "./report-files.ts";
import { resultLines } from "./results.ts";
import { applyEvent, createRunState } from "./run/run-state.ts";
import { openScreenView } from "./screen/screen-view.ts";
import { createPaint } from "./text/paint.ts";
import { plainLine } from "./text/plain-text.ts";

/** Shows a run. */
export interface Reporter extends AsyncDisposable {
  /** Takes an event of the run. Never throws, whatever comes, in whatever order. */
  handle(event: RolloutEvent): void;
  /** Waits until all of it is written. @returns which of its files could not be, which it has told. */
  finish(): Promise<readonly string[]>;
}

export interface ReporterOptions {
  readonly format: OutputFormat;
  /** For results: the events as NDJSON, or `HOST PATH` of each host that was built. */
  readonly stdout: OutputStream;
  /** For people: what goes on, and the record of it. */
  readonly stderr: OutputStream;
  /** Whether to colour what goes to `stderr`. */
  readonly colors: boolean;
  /** Whether to show what builders and hosts print. */
  readonly verbose: boolean;
  /** Whether to show people only what went wrong. */
  readonly quiet: boolean;
  /** A file for the run as JUnit XML, written once it is over. */
  readonly junit?: string | undefined;
  /** A file for the run as a page, written then too. */
  readonly html?: string | undefined;
  /** What `auto` looks at, and `GITHUB_STEP_SUMMARY`. Default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: (() => number) | undefined;
}

const COLUMNS_OF_A_LOG = 120;

/**
 * Shows a run as its events come, and what it came to once it is finished: results on `stdout`, everything else on
 * `stderr`. Disposing waits until all of it is written and leaves a terminal as it was found, also in mid-run.
 */
export function createReporter(options: ReporterOptions): Reporter {
  const { quiet, colors, verbose, env = process.env, now = Date.now } = options;
  const format = chooseFormat(options.format, options.stderr, env);
  const stdout = openOutput(options.stdout);
  const stderr = openOutput(options.stderr);
  // The runner reads everything, in whatever form it is.
  const isReadByGithub = format === "github" || env.GITHUB_ACTIONS === "true";
  const people = {
    write: (text: string) => {
      stderr.write(isReadByGithub ? withoutGithubCommands(text) : text);
    },
  };
  const state = createRunState();
  const paint = createPaint(colors);
  const ci = { state, paint, verbose, quiet };
  const views = [
    ...(format === "ndjson" ? [openNdjsonView(stdout)] : []),
    ...(format === "lines" && !quiet ? [openLinesView(people, { state, paint, verbose })] : []),
    ...(format === "tty" && !quiet ? [openScreenView(stderr, { state, paint, verbose, now })] : []),
    ...(format === "github" ? [openGithubView(stderr, ci)] : []),
    ...(format === "gitlab" && !quiet ? [openGitlabView(stderr, ci)] : []),
  ];
  const summary = format === "github" && env.GITHUB_STEP_SUMMARY !== "" ? env.GITHUB_STEP_SUMMARY : undefined;
  let ending: Promise<readonly string[]> | undefined;

  const end = async (): Promise<readonly string[]> => {
    for (const view of views) await view.close();
    if (format !== "ndjson" && state.report !== undefined) stdout.write(resultLines(state.report));
    const columns = stderr.columns || COLUMNS_OF_A_LOG;
    const record = renderRecord(state, {
      columns,
      paint,
      quiet,
      notices: format === "lines" || state.planning === true ? "unannounced" : "all",
    });
    const told = record === "" || quiet || format === "ndjson" ? record : `\n${record}`;
    people.write(told);
    const { junit, html } = options;
    const files = { junit, html, summary: state.planning === true ? undefined : summary };
    const troubles = await writeReportFiles(state, files);
    for (const trouble of troubles) {
      people.write(`skep: error: ${plainLine(trouble)} [report/file]\n`);
    }
    return troubles;
  };
  return {
    handle(event) {
      if (ending !== undefined) return;
      try {
        applyEvent(state, event);
        for (const view of views) view.show(event);
      } catch (error) {
        // A deployment goes on even where it cannot be shown.
        stderr.write(`skep: error: cannot show ${event.type}: ${plainLine(messageOf(error))} [report/internal]\n`);
      }
      if (event.type === "run-finished") ending = end();
    },
    finish: () => (ending ??= end()),
    async [Symbol.asyncDispose]() {
      await (ending ??= end());
      await stdout[Symbol.asyncDispose]();
      await stderr[Symbol.asyncDispose]();
    },
  };
}
