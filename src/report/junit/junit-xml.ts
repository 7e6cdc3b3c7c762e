/**
 * A run as JUnit XML, in the form that Jenkins, GitLab and others read (Jenkins' `junit-10.xsd`):
 *
 *     testsuites > testsuite                 the run; who, what and when are its properties
 *       testcase classname="HIVE.GOAL"       a host
 *         failure type="CODE"                failed, rolled back or stranded: message, cause, last output, hint
 *         skipped message="WHY"              nothing was begun on it
 *         error type="report/not-ended"      the run was over before it was known how the host ended
 *         system-out                         its steps, its system, what there is to know
 */
import { formatDuration } from "#core";
import { describeHost } from "../run/describe-host.ts";
import type { HostState, RunState } from "../run/run-state.ts";
import { logBefore } from "../run/troubles.ts";
import { plainLines } from "../text/plain-text.ts";
import { outcomeWord, runWord } from "../text/words.ts";
import { xmlAttributes, xmlText } from "./xml-text.ts";

/** The whole file. */
export function junitXml(state: RunState): string {
  const hosts = [...state.hosts.values()];
  const counts = {
    tests: hosts.length,
    failures: hosts.filter(({ report }) => report !== undefined && "error" in report).length,
    errors: hosts.filter(({ report }) => report === undefined).length,
  };
  const time = seconds(durationOf(state));
  const name = `${state.hive} ${runWord(state)}`.trim();
  const skipped = hosts.filter(({ report }) => report?.outcome === "skipped").length;
  const timestamp = new Date(state.startedAt ?? 0).toISOString().slice(0, 19);
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites${xmlAttributes({ name: "skep", ...counts, time })}>`,
    `  <testsuite${xmlAttributes({ name, ...counts, skipped, time, timestamp })}>`,
    "    <properties>",
    ...Object.entries(propertiesOf(state)).map(
      ([key, value]) => `      <property${xmlAttributes({ name: key, value })}/>`,
    ),
    "    </properties>",
    ...hosts.flatMap((host) => testCase(host, state)),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function propertiesOf({ run, hive, goal, waves, report }: RunState): Readonly<Record<string, string>> {
  return {
    "skep.run": run,
    "skep.hive": hive,
    "skep.goal": goal,
    "skep.waves": waves.map(({ name }) => name).join(", "),
    "skep.interrupted": String(report?.interrupted ?? true),
  };
}

function durationOf({ report, startedAt, lastAt }: RunState): number {
  return report?.durationMs ?? (lastAt ?? 0) - (startedAt ?? 0);
}

/** JUnit's times are seconds; a clock that was set back gives none that are less than nothing. */
function seconds(ms: number): string {
  return (Math.max(0, ms) / 1_000).toFixed(3);
}

function testCase(host: HostState, state: RunState): readonly string[] {
  const attributes = {
    name: host.name,
    classname: `${state.hive}.${state.goal}`,
    time: seconds(host.report?.durationMs ?? 0),
  };
  return [
    `    <testcase${xmlAttributes(attributes)}>`,
    ...endingOf(host, state),
    `      <system-out>${xmlText(storyOf(host).join("\n"))}</system-out>`,
    "    </testcase>",
  ];
}

function endingOf(host: HostState, { goal }: RunState): readonly string[] {
  const { report } = host;
  if (report === undefined) {
    const message = host.current === undefined ? "it was not begun" : `${host.current.step} was its last step`;
    return [`      <error${xmlAttributes({ type: "report/not-ended", message: `not ended: ${message}` })}/>`];
  }
  if (report.outcome === "skipped") return [`      <skipped${xmlAttributes({ message: plain(report.reason) })}/>`];
  if (!("error" in report)) return [];
  const { error, outcome } = report;
  const [message = "", ...more] = plainLines(error.message);
  const cause = error.cause === undefined || error.message.includes(error.cause) ? [] : plainLines(error.cause);
  const hint = error.hint === undefined ? [] : [`hint: ${plain(error.hint)}`];
  const text = [message, ...more, ...cause, ...logBefore(host, error), ...hint].join("\n");
  const attributes = { type: error.code, message: `${outcomeWord(outcome, goal)}: ${message}` };
  return [`      <failure${xmlAttributes(attributes)}>${xmlText(text)}</failure>`];
}

/** Its steps in a table, and what else is known. */
function storyOf(host: HostState): readonly string[] {
  const width = Math.max(0, ...host.course.map(({ step }) => step.length));
  const steps = host.course.map(({ step, startedAt, endedAt, error }) => {
    const took = endedAt === undefined ? "not ended" : formatDuration(endedAt - startedAt);
    return `${step.padEnd(width)}  ${took}${error === undefined ? "" : "  failed"}`;
  });
  return [...steps, ...describeHost(host).map(([name, text]) => `${name}: ${text}`)];
}

function plain(text: string): string {
  return plainLines(text).join(" ");
}
