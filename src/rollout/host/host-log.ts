import type { Clock } from "#core";
import type { HostName } from "#hive";
import type { StorePath } from "#store";
import type { HostChange } from "../changes/change-teller.ts";
import type { CopyProgress, RolloutHappening } from "../events.ts";
import type { HostHistory, HostReport } from "../rollout-report.ts";
import type { Step } from "../steps.ts";
import { toErrorJson } from "../to-error-json.ts";

/** Takes what happens; stamps and spreads it. */
export type Emit = (happening: RolloutHappening) => void;

const PROGRESS_EVERY_MS = 200;

/** One host's part in a run as it is written: emits its events, and becomes its report. */
export class HostLog {
  from: StorePath | undefined;
  to: StorePath | undefined;
  generation: number | undefined;
  secretsFrom: number | undefined;
  secretSetFrom: string | undefined;
  bootFrom: string | undefined;
  logins = 0;
  copiedPaths = 0;
  copiedBytes = 0;
  /** Who finds out what changes on the host. */
  change: HostChange | undefined;
  readonly host: HostName;
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #notices: string[];
  #lastProgressAt = Number.NEGATIVE_INFINITY;

  /** @param before what was written before, which this goes on with. */
  constructor(host: HostName, { emit, clock }: { readonly emit: Emit; readonly clock: Clock }, before?: HostHistory) {
    this.host = host;
    this.from = before?.from;
    this.to = before?.to;
    this.generation = before?.generation;
    this.secretsFrom = before?.secretsFrom;
    this.secretSetFrom = before?.secretSetFrom;
    this.bootFrom = before?.bootFrom;
    this.logins = before?.logins ?? 0;
    this.copiedPaths = before?.copiedPaths ?? 0;
    this.copiedBytes = before?.copiedBytes ?? 0;
    this.#notices = [...(before?.notices ?? [])];
    this.#emit = emit;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** Does the work of one step between its events. */
  async step<T>(step: Step, work: () => Promise<T>): Promise<T> {
    const startedAt = this.#clock.monotonic();
    const { host } = this;
    this.#emit({ type: "step-started", host, step });
    try {
      const result = await work();
      this.#emit({ type: "step-finished", host, step, durationMs: this.#clock.monotonic() - startedAt });
      return result;
    } catch (error) {
      const durationMs = this.#clock.monotonic() - startedAt;
      this.#emit({ type: "step-failed", host, step, durationMs, error: toErrorJson(error, host) });
      throw error;
    }
  }

  line(step: Step, line: string): void {
    this.#emit({ type: "log", host: this.host, step, line });
    this.change?.hear(step, line);
  }

  /** @param options.until when what the message says is over, milliseconds since 1970. */
  message(step: Step, message: string, { until }: { readonly until?: number | undefined } = {}): void {
    this.#emit({ type: "step-progress", host: this.host, step, message, until });
  }

  /** Emits at most five a second, and the last one always. */
  copyProgress(copy: CopyProgress): void {
    const now = this.#clock.monotonic();
    const complete = copy.paths === copy.pathsTotal;
    if (!complete && now - this.#lastProgressAt < PROGRESS_EVERY_MS) return;
    this.#lastProgressAt = now;
    this.#emit({ type: "step-progress", host: this.host, step: "copy", copy });
  }

  notice(message: string): void {
    this.#notices.push(message);
    this.#emit({ type: "notice", host: this.host, message });
  }

  /** Closes the log with how the host ended. */
  finish(ending: Ending): HostReport {
    this.change?.end(ending.outcome);
    const report = { ...this.#history(), ...ending };
    this.#emit({ type: "host-finished", host: this.host, report });
    return report;
  }

  #history(): HostHistory {
    return {
      host: this.host,
      from: this.from,
      to: this.to,
      generation: this.generation,
      secretsFrom: this.secretsFrom,
      secretSetFrom: this.secretSetFrom,
      bootFrom: this.bootFrom,
      durationMs: this.#clock.monotonic() - this.#startedAt,
      logins: this.logins,
      copiedPaths: this.copiedPaths,
      copiedBytes: this.copiedBytes,
      notices: this.#notices,
    };
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** How a host ended, without its history. */
export type Ending = DistributiveOmit<HostReport, keyof HostHistory>;

/** How a host ends on which something failed. */
export function endingOf(outcome: "failed" | "rolled-back" | "stranded", error: unknown, host: HostName): Ending {
  return { outcome, error: toErrorJson(error, host) };
}
