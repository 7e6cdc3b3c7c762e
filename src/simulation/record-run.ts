import type { RolloutEvent, RolloutHappening } from "#rollout";
import type { VirtualClock } from "./clock/virtual-clock.ts";
import type { Operator } from "./operator.ts";
import type { SimulatedEnd, TimelineEntry } from "./simulated-rollout.ts";
import type { HostStanding } from "./standing.ts";

/** What is written down of a run as it goes. */
export interface RunRecord {
  readonly emit: (happening: RolloutHappening) => void;
  readonly events: RolloutEvent[];
  /** As the journal's: everything up to now survives a crash. */
  readonly decided: () => Promise<void>;
  /** Of the events those that the operator left in the run's journal. */
  readonly journalled: () => readonly RolloutEvent[];
  readonly timeline: TimelineEntry[];
  readonly tell: (what: string, host?: string) => void;
  readonly endOf: (host: string) => Pick<SimulatedEnd, "outcome" | "whenFinished"> | undefined;
  /** Goes on with another operator. */
  readonly resume: (operator: Operator) => void;
  readonly resumedAfter: number | undefined;
}

export interface OpenRecordOptions {
  readonly clock: VirtualClock;
  readonly standing: (host: string) => HostStanding;
  readonly operator: Operator;
  readonly onHappening: (happening: RolloutHappening) => void;
}

/** Nothing is written after the operator is gone. */
export function openRecord({ clock, standing, operator: first, onHappening }: OpenRecordOptions): RunRecord {
  const startedAt = clock.monotonic();
  const events: RolloutEvent[] = [];
  const timeline: TimelineEntry[] = [];
  const ends = new Map<string, Pick<SimulatedEnd, "outcome" | "whenFinished">>();
  let operator = first;
  let synced = 0;
  let resumedAfter: number | undefined;
  const tell = (what: string, host?: string): void => {
    timeline.push({ atMs: clock.monotonic() - startedAt, host, what });
  };
  return {
    events,
    timeline,
    tell,
    emit(happening) {
      if (operator.end !== undefined) return;
      events.push({ at: clock.now(), ...happening });
      onHappening(happening);
      if (happening.type === "host-finished") {
        const { host, outcome } = happening.report;
        ends.set(host, { outcome, whenFinished: standing(host) });
      }
      const line = describe(happening);
      if (line !== undefined) tell(line.what, line.host);
    },
    decided() {
      if (operator.end === undefined) synced = events.length;
      return Promise.resolve();
    },
    journalled: () => (operator.end === "crashed" ? events.slice(0, synced) : [...events]),
    endOf: (host) => ends.get(host),
    resume(another) {
      operator = another;
      resumedAfter = events.length;
      tell("the run is resumed");
    },
    get resumedAfter() {
      return resumedAfter;
    },
  };
}

/** What of a run is worth a line in the timeline. */
function describe(happening: RolloutHappening): { readonly what: string; readonly host?: string } | undefined {
  switch (happening.type) {
    case "wave-started":
      return { what: `wave ${happening.wave} begins, ${happening.hosts.length} hosts` };
    case "wave-finished":
      return { what: `wave ${happening.wave} ends${happening.stopped === undefined ? "" : `: ${happening.stopped}`}` };
    case "host-finished": {
      const { report } = happening;
      return "error" in report ? { host: report.host, what: `${report.outcome}: ${report.error.message}` } : undefined;
    }
    default:
      return undefined;
  }
}
