import type { JournalRead } from "#rollout";
import { htmlReport } from "./html/html-report.ts";
import type { RunOrigin } from "./html/origin.ts";
import { junitXml } from "./junit/junit-xml.ts";
import { markdownReport } from "./markdown/markdown-report.ts";
import { renderRecord } from "./record.ts";
import type { RunState } from "./run/run-state.ts";
import { applyEvent, createRunState } from "./run/run-state.ts";
import { verdictOf } from "./run/verdict.ts";
import { createPaint } from "./text/paint.ts";
import { plainLine } from "./text/plain-text.ts";
import { runWord } from "./text/words.ts";

/** What a run can be made into afterwards; `text` is what a terminal was left with at its end. */
export type PastRunFormat = "text" | "html" | "junit" | "markdown";

/** A run as its journal has it, also one that did not come to its end. */
export function renderPastRun(
  journal: JournalRead,
  { format, colors, columns }: { readonly format: PastRunFormat; readonly colors: boolean; readonly columns: number },
): string {
  const state = foldJournal(journal);
  switch (format) {
    case "html":
      return htmlReport(state, originOf(journal));
    case "junit":
      return junitXml(state);
    case "markdown":
      return markdownReport(state);
    case "text":
      return textOf(state, { colors, columns });
  }
}

function textOf(state: RunState, { colors, columns }: { readonly colors: boolean; readonly columns: number }): string {
  const paint = createPaint(colors);
  const title = `${state.run}  ${plainLine(`${runWord(state)} of ${state.hive}`)}: ${verdictOf(state)}`;
  const record = renderRecord(state, { columns, paint, quiet: false, notices: "all" });
  return record === "" ? `${title}\n` : `${title}\n\n${record}`;
}

function foldJournal({ header, events, hosts, report }: JournalRead): RunState {
  const state = createRunState();
  for (const event of events) applyEvent(state, event);
  state.run = header.run;
  state.goal = header.goal;
  state.rollback = header.rollback;
  state.hive = header.hive;
  // A run that was taken up again began more than once.
  state.startedAt = header.startedAt;
  state.report = report;
  for (const standing of hosts) {
    const host = state.hosts.get(standing.name);
    // What was begun again after it had ended has not ended.
    if (host !== undefined) host.report = standing.report;
  }
  return state;
}

function originOf({ header, resumptions }: JournalRead): RunOrigin {
  const waves = new Map<string, string[]>();
  for (const { name, wave } of header.hosts) waves.set(wave, [...(waves.get(wave) ?? []), name]);
  return {
    operator: header.operator,
    revision: header.revision.revision,
    dirty: header.revision.dirty,
    waves: Array.from(waves, ([name, hosts]) => ({ name, hosts })),
    resumed: resumptions.map(({ at, operator }) => ({ at, operator })),
  };
}
