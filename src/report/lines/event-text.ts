import { formatDuration } from "#core";
import type { HostReport, RolloutEvent, Step } from "#rollout";
import { interruptionLines } from "../run/interruption.ts";
import type { RunState } from "../run/run-state.ts";
import { copiedText, copyProgressText } from "../text/copy-text.ts";
import type { Paint } from "../text/paint.ts";
import { firstLine, plainLine } from "../text/plain-text.ts";
import { padEnd } from "../text/width.ts";
import { counted, OUTCOME_STYLES, outcomeWord, runWord, waveText } from "../text/words.ts";

interface EventTextOptions {
  /** The run as it is after the event. */
  readonly state: RunState;
  readonly paint: Paint;
  /** Whether to name what is else only counted. */
  readonly verbose: boolean;
}

type StepEvent<Type extends RolloutEvent["type"]> = Extract<RolloutEvent, { type: Type }>;

const STEP_WIDTH = "dry-activate".length;

/** An event as a log tells it, without time and host. Not every event is worth a line. */
export function describeEvent(event: RolloutEvent, options: EventTextOptions): string[] {
  const { state, paint, verbose } = options;
  switch (event.type) {
    case "run-started":
      return startedTexts(event, verbose);
    case "step-progress":
    case "log":
      return [stepText(event.step, paint) + goingOnText(event, options)];
    case "step-finished":
      return [stepText(event.step, paint) + finishedText(event, state)];
    case "step-failed": {
      const text = `failed after ${formatDuration(event.durationMs)}: ${firstLine(event.error.message)}`;
      return [stepText(event.step, paint) + paint("red", text)];
    }
    case "notice":
      return [`${paint("yellow", "notice:")} ${plainLine(event.message)}`];
    case "interrupted":
      return interruptionLines(state, Infinity).map((line) => paint("yellow", line));
    case "host-finished":
      return [endText(event.report, options)];
    case "wave-started":
      return [
        plainLine(
          `${waveText(event.number, { of: event.of, name: event.wave })}: ${counted(event.hosts.length, "host")}`,
        ),
      ];
    case "wave-finished":
      return event.stopped === undefined ? [] : [paint("yellow", `no more waves: ${plainLine(event.stopped)}`)];
    case "step-started":
    case "baseline":
    case "changes":
    case "run-finished":
      return [];
  }
}

/** The run, and where it goes in waves, which; with every host's name where they are to be named. */
function startedTexts(event: StepEvent<"run-started">, verbose: boolean): string[] {
  const { hive, hosts, run, waves = [], planning } = event;
  const inWaves = waves.length > 1 ? ` in ${waves.length} waves` : "";
  const named = waves.length > 1 && verbose ? waves : [];
  return [
    plainLine(
      `${runWord(event)} of ${counted(hosts.length, "host")} of ${hive}${inWaves}, ${planning === true ? "plan" : "run"} ${run}`,
    ),
    ...named.map(({ name, hosts: ofWave }, index) =>
      plainLine(`${waveText(index + 1, { of: waves.length, name })}: ${ofWave.join(", ")}`),
    ),
  ];
}

function stepText(step: Step, paint: Paint): string {
  return paint("cyan", padEnd(step, STEP_WIDTH)) + "  ";
}

/** `waiting for http :80 (502), 10 s so far`, or the line that was printed. */
function goingOnText(event: StepEvent<"step-progress" | "log">, { state, paint }: EventTextOptions): string {
  if (event.type === "log") return `${paint("dim", "|")} ${plainLine(event.line)}`;
  const current = state.hosts.get(event.host)?.current;
  const text = event.message ?? (event.copy === undefined ? undefined : copyProgressText(event.copy));
  const left = event.until === undefined ? [] : [`${formatDuration(Math.max(0, event.until - event.at))} left`];
  const soFar = current === undefined ? [] : [`${formatDuration(event.at - current.startedAt)} so far`];
  return [...(text === undefined ? [] : [plainLine(text)]), ...(event.until === undefined ? soFar : left)].join(", ");
}

function finishedText({ host, step, durationMs }: StepEvent<"step-finished">, state: RunState): string {
  const copy = step === "copy" ? state.hosts.get(host)?.ended?.copy : undefined;
  return copy === undefined
    ? formatDuration(durationMs)
    : `${copiedText(copy.paths, copy.bytes)} in ${formatDuration(durationMs)}`;
}

/** How a host ended. */
function endText(report: HostReport, { state, paint }: EventTextOptions): string {
  const word = paint(OUTCOME_STYLES[report.outcome], outcomeWord(report.outcome, state.goal));
  if (report.outcome === "skipped") return `${word}: ${plainLine(report.reason)}`;
  return `${word} ${"error" in report ? "after" : "in"} ${formatDuration(report.durationMs)}`;
}
