import type { RolloutEvent } from "#rollout";
import type { LiveView } from "../live-view.ts";
import type { Output } from "../output.ts";
import type { RunState } from "../run/run-state.ts";
import type { Paint } from "../text/paint.ts";
import { padEnd, widthOf } from "../text/width.ts";
import { describeEvent } from "./event-text.ts";

export interface LinesOptions {
  readonly state: RunState;
  readonly paint: Paint;
  /** Whether to print what builders and hosts print. */
  readonly verbose: boolean;
}

const PROGRESS_PERIOD_MS = 10_000;

/**
 * A run as plain lines for logs: when, which host, which step, and what came of it. A step that goes on says so at most
 * every ten seconds and host, and at once when it becomes a wait whose end is known.
 */
export function openLinesView(output: Pick<Output, "write">, { state, paint, verbose }: LinesOptions): LiveView {
  const printedAt = new Map<string, number>();
  const soaksUntil = new Map<string, number>();
  let nameWidth = 0;
  return {
    show(event) {
      const host = ("host" in event ? event.host : undefined) ?? "";
      const before = printedAt.get(host);
      if (before === undefined) printedAt.set(host, event.at);
      const begins =
        event.type === "step-progress" && event.until !== undefined && event.until !== soaksUntil.get(host);
      if (begins) soaksUntil.set(host, event.until);
      if (!begins && isProgress(event, verbose) && event.at - (before ?? event.at) < PROGRESS_PERIOD_MS) return;
      printedAt.set(host, event.at);
      if (event.type === "run-started") nameWidth = Math.max(0, ...event.hosts.map(widthOf));
      const name = host === "" ? "" : `${padEnd(host, nameWidth)}  `;
      for (const text of describeEvent(event, { state, paint, verbose })) {
        output.write(`${paint("dim", timeOfDay(event.at))} ${name}${text}\n`);
      }
    },
    close: () => Promise.resolve(),
  };
}

function isProgress({ type }: RolloutEvent, verbose: boolean): boolean {
  return type === "step-progress" || (type === "log" && !verbose);
}

/** The operator's own time: `03:00:12`. */
function timeOfDay(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
