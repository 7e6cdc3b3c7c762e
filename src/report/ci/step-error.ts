/** What ended the step of a pipeline where there is no run, or no host, that it could be told of. */
import type { SkepErrorJson } from "#core";
import { xmlAttributes, xmlText } from "../junit/xml-text.ts";
import { codeBlock, codeSpan } from "../markdown/markdown-text.ts";
import type { OutputFormat } from "../output-format.ts";
import { chooseFormat } from "../output-format.ts";
import type { OutputStream } from "../output.ts";
import { plainLine, plainLines } from "../text/plain-text.ts";
import { githubCommand, withoutGithubCommands } from "./github-text.ts";
import { GITLAB_MARKS } from "./gitlab-view.ts";

export interface StepError {
  /** `skep ci`. */
  readonly step: string;
  readonly error: SkepErrorJson;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface StepErrorLogOptions extends StepError {
  /** The error as a terminal is told it, in whole lines. */
  readonly text: string;
  readonly format: OutputFormat;
  readonly stderr: Pick<OutputStream, "isTTY">;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The error for the job's log, as the CI system marks errors: an annotation of GitHub's, an open section of GitLab's. */
export function stepErrorLog({ step, error, text, format, stderr, env, at }: StepErrorLogOptions): string {
  const title = `${step}: failed [${plainLine(error.code)}]`;
  switch (chooseFormat(format, stderr, env)) {
    case "github":
      return `${withoutGithubCommands(text)}${githubCommand("error", linesOf(error).join("\n"), { title })}\n`;
    case "gitlab": {
      const section = { id: "skep_error", title: `x ${title}`, startedAt: at, endedAt: at, collapsed: false };
      return `${GITLAB_MARKS.open(section)}\n${text}${GITLAB_MARKS.close(section)}\n`;
    }
    case "tty":
    case "lines":
    case "ndjson":
      return text;
  }
}

/** The error as Markdown, for the summary of a job. Ends with a line end. */
export function stepErrorMarkdown({ step, error }: Pick<StepError, "step" | "error">): string {
  return `### ${step}: failed with ${codeSpan(error.code)}\n\n${codeBlock(linesOf(error)).join("\n")}\n`;
}

/** The error as JUnit XML: the step is its one test case. */
export function stepErrorJunit({ step, error, at }: StepError): string {
  const counts = { tests: 1, failures: 0, errors: 1, time: "0.000" };
  const message = plainLine(error.message);
  const timestamp = new Date(at).toISOString().slice(0, 19);
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites${xmlAttributes({ name: "skep", ...counts })}>`,
    `  <testsuite${xmlAttributes({ name: step, ...counts, skipped: 0, timestamp })}>`,
    "    <properties>",
    `      <property${xmlAttributes({ name: "skep.error", value: error.code })}/>`,
    "    </properties>",
    `    <testcase${xmlAttributes({ name: step, classname: "skep", time: "0.000" })}>`,
    `      <error${xmlAttributes({ type: error.code, message })}>${xmlText(linesOf(error).join("\n"))}</error>`,
    "    </testcase>",
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function linesOf({ host, message, cause, hint }: SkepErrorJson): readonly string[] {
  const [first = "", ...more] = plainLines(message);
  return [
    host === undefined ? first : `${host}: ${first}`,
    ...more,
    ...(cause === undefined || message.includes(cause) ? [] : plainLines(cause)),
    ...(hint === undefined ? [] : [`hint: ${plainLine(hint)}`]),
  ];
}
