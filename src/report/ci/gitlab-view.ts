import type { LiveView } from "../live-view.ts";
import type { Output } from "../output.ts";
import type { RunState } from "../run/run-state.ts";
import type { Paint } from "../text/paint.ts";
import type { Section, SectionMarks } from "./sections-view.ts";
import { openSectionsView } from "./sections-view.ts";

/**
 * GitLab's marks: `section_start:UNIX_TIME:NAME[collapsed=true]`, a carriage return and the escape that erases the line,
 * then the heading. Text of hosts has neither of the two characters, so it makes none.
 */
export const GITLAB_MARKS: SectionMarks = {
  open: ({ id, title, startedAt, collapsed }: Section) =>
    mark(`section_start:${unixTime(startedAt)}:${id}[collapsed=${String(collapsed)}]`) + title,
  close: ({ id, endedAt }: Section) => mark(`section_end:${unixTime(endedAt)}:${id}`),
};

/** A run in the log of a GitLab job: hosts as sections, those in trouble open. */
export function openGitlabView(
  output: Output,
  options: { readonly state: RunState; readonly paint: Paint; readonly verbose: boolean },
): LiveView {
  return openSectionsView(output, { ...options, marks: GITLAB_MARKS, guard: (text) => text });
}

function mark(text: string): string {
  return `\u001b[0K${text}\r\u001b[0K`;
}

function unixTime(ms: number): number {
  return Math.floor(ms / 1_000);
}
