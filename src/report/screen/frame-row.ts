import type { HostReport } from "#rollout";
import { isUnderWay } from "../run/interruption.ts";
import type { CurrentStep, HostState, RunState } from "../run/run-state.ts";
import { copyBar, copyProgressText, copyRate } from "../text/copy-text.ts";
import { formatElapsed } from "../text/elapsed.ts";
import type { Style } from "../text/paint.ts";
import { firstLine, plainLine } from "../text/plain-text.ts";
import { OUTCOME_MARKS, OUTCOME_STYLES, outcomeWord } from "../text/words.ts";

/** A host on the screen, before it is known how wide that is. */
export interface FrameRow {
  readonly kind: "ended-well" | "trouble" | "under-way" | "waiting";
  /** Rows of the same group can be folded into one when there are too many. */
  readonly group: string;
  readonly mark: string;
  readonly style: Style;
  readonly name: string;
  readonly step: string;
  /** How long the step goes on, or how long the host took. */
  readonly timeMs: number | undefined;
  readonly detail: string;
  /** The last lines the step printed. */
  readonly log: readonly string[];
}

/** How a host stands at `now`. */
export function frameRow(
  host: HostState,
  { state, now, bar }: { readonly state: RunState; readonly now: number; readonly bar: boolean },
): FrameRow {
  if (host.report !== undefined) return endedRow(host.report, state);
  if (host.current !== undefined) return stepRow(host, { current: host.current, now, bar });
  if (isUnderWay(host)) return betweenRow(host, state);
  return {
    kind: "waiting",
    group: "waiting",
    mark: ".",
    style: "dim",
    name: host.name,
    step: "waiting",
    timeMs: undefined,
    detail: host.wave === undefined ? "" : plainLine(host.wave),
    log: [],
  };
}

function endedRow(report: HostReport, state: RunState): FrameRow {
  const { outcome } = report;
  const bad = "error" in report;
  return {
    kind: bad ? "trouble" : "ended-well",
    group: bad ? `${outcome} ${report.error.code}` : outcome,
    mark: OUTCOME_MARKS[outcome],
    style: OUTCOME_STYLES[outcome],
    name: report.host,
    step: outcomeWord(outcome, state.goal),
    timeMs: outcome === "skipped" ? undefined : report.durationMs,
    detail: "error" in report ? firstLine(report.error.message) : "reason" in report ? firstLine(report.reason) : "",
    log: [],
  };
}

function stepRow(
  host: HostState,
  { current, now, bar }: { readonly current: CurrentStep; readonly now: number; readonly bar: boolean },
): FrameRow {
  return {
    kind: "under-way",
    group: current.step,
    mark: "*",
    style: current.step === "roll-back" ? "red" : "cyan",
    name: host.name,
    step: current.step,
    timeMs: now - current.startedAt,
    detail: stepDetail(host, { current, now, bar }),
    log: host.log?.step === current.step ? host.log.lines : [],
  };
}

/** What a step is busy with; while going back, why. */
function stepDetail(
  host: HostState,
  { current, now, bar }: { readonly current: CurrentStep; readonly now: number; readonly bar: boolean },
): string {
  if (current.message !== undefined) return plainLine(current.message) + timeLeft(current, now);
  if (current.copy !== undefined) {
    const rate = copyRate(current.samples, now);
    const text = `${copyProgressText(current.copy)}${rate === undefined ? "" : `, ${rate}`}`;
    return bar ? `${copyBar(current.copy)} ${text}` : text;
  }
  const failure = current.step === "roll-back" ? host.failures.at(-1) : undefined;
  return failure === undefined ? "" : `because ${firstLine(failure.error.message)}`;
}

function timeLeft({ until }: CurrentStep, now: number): string {
  return until === undefined ? "" : `, ${formatElapsed(until - now)} left`;
}

/** A host between two steps: until its turn comes, or after a failure. */
function betweenRow(host: HostState, state: RunState): FrameRow {
  const failure = host.failures.at(-1);
  const next = state.steps[state.steps.findIndex((step) => step === host.ended?.step) + 1];
  return {
    kind: "under-way",
    group: "between",
    mark: "*",
    style: failure === undefined ? "dim" : "red",
    name: host.name,
    step: failure === undefined ? (next ?? "finishing") : (host.ended?.step ?? ""),
    timeMs: undefined,
    detail: failure === undefined ? "waiting for its turn" : `failed: ${firstLine(failure.error.message)}`,
    log: [],
  };
}
