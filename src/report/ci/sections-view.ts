import { formatDuration } from "#core";
import type { RolloutEvent } from "#rollout";
import { openLinesView } from "../lines/lines-view.ts";
import type { LiveView } from "../live-view.ts";
import type { Output } from "../output.ts";
import type { RunState } from "../run/run-state.ts";
import { standing } from "../run/standing.ts";
import type { Paint } from "../text/paint.ts";
import { OUTCOME_MARKS, outcomeWord } from "../text/words.ts";

/** How a CI system's log is folded. */
export interface SectionMarks {
  /** The line that begins a section. */
  open(section: Section): string;
  /** The line that ends it. */
  close(section: Section): string;
}

export interface Section {
  /** Safe in any log: letters, digits, `_`, `.`, `-`. */
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Whether it may begin closed. */
  readonly collapsed: boolean;
}

export interface SectionsOptions {
  readonly state: RunState;
  readonly paint: Paint;
  readonly marks: SectionMarks;
  /** Takes out of text what the CI system would obey. */
  readonly guard: (text: string) => string;
  /** Of a plan: whether to print what builders print. */
  readonly verbose: boolean;
}

const MOST_LINES = 1_000;
const STANDING_PERIOD_MS = 30_000;

/**
 * A run as a CI system's log: what concerns the run as it comes, and each host as a section of its own once it ended, with
 * everything it printed. So hosts that go at the same time are not mixed up. How the run stands is said twice a minute. In a plan
 * no host comes to an end: it goes line by line.
 */
export function openSectionsView(output: Output, { state, paint, marks, guard, verbose }: SectionsOptions): LiveView {
  const guarded = {
    write: (text: string) => {
      output.write(guard(text));
    },
  };
  const lines = openLinesView(guarded, { state, paint, verbose: true });
  const planLines = openLinesView(guarded, { state, paint, verbose });
  const hosts = new Map<string, HostLines>();
  let saidAt = -Infinity;
  let count = 0;

  const hostLines = (name: string, at: number): HostLines => {
    const known = hosts.get(name) ?? openHostLines(at, { state, paint });
    hosts.set(name, known);
    return known;
  };
  const writeSection = (name: string, { kept, startedAt }: HostLines): void => {
    hosts.delete(name);
    count += 1;
    const report = state.hosts.get(name)?.report;
    const section: Section = {
      id: `skep_${count}_${name.replaceAll(/[^\w.-]/g, "_")}`,
      title: titleOf(name, state),
      startedAt,
      endedAt: state.lastAt ?? startedAt,
      collapsed: report !== undefined && !("error" in report),
    };
    const left = kept.dropped === 0 ? [] : [`... ${kept.dropped} lines before`];
    output.write(`${marks.open(section)}\n`);
    for (const line of [...left, ...kept.lines]) guarded.write(`${line}\n`);
    output.write(`${marks.close(section)}\n`);
  };
  const sayStanding = (at: number): void => {
    if (saidAt === -Infinity) saidAt = at;
    if (at - saidAt < STANDING_PERIOD_MS) return;
    saidAt = at;
    output.write(
      `${standing(state, at)
        .map(({ text, style }) => paint(style, text))
        .join("")}\n`,
    );
  };
  return {
    show(event) {
      const name = "host" in event ? event.host : undefined;
      if (state.planning === true) planLines.show(event);
      else if (name === undefined) lines.show(event);
      else {
        const own = hostLines(name, event.at);
        own.show(event);
        if (event.type === "host-finished") writeSection(name, own);
      }
      sayStanding(event.at);
    },
    close() {
      for (const [name, own] of hosts) if (own.kept.lines.length > 0) writeSection(name, own);
      return Promise.resolve();
    },
  };
}

/** A host's lines, until its section can be written. */
interface HostLines {
  readonly startedAt: number;
  readonly kept: { lines: string[]; dropped: number };
  readonly show: (event: RolloutEvent) => void;
}

function openHostLines(
  startedAt: number,
  { state, paint }: { readonly state: RunState; readonly paint: Paint },
): HostLines {
  const kept = { lines: [] as string[], dropped: 0 };
  const view = openLinesView(
    {
      write(text) {
        kept.lines.push(...text.trimEnd().split("\n"));
        const tooMany = kept.lines.length - MOST_LINES;
        if (tooMany < MOST_LINES) return;
        kept.lines.splice(0, tooMany);
        kept.dropped += tooMany;
      },
    },
    { state, paint, verbose: true },
  );
  return {
    startedAt,
    kept,
    show: (event) => {
      view.show(event);
    },
  };
}

/** `+ web-1: deployed in 12 s` */
function titleOf(name: string, state: RunState): string {
  const report = state.hosts.get(name)?.report;
  if (report === undefined) return `* ${name}: not ended`;
  const took = report.outcome === "skipped" ? "" : ` in ${formatDuration(report.durationMs)}`;
  return `${OUTCOME_MARKS[report.outcome]} ${name}: ${outcomeWord(report.outcome, state.goal)}${took}`;
}
