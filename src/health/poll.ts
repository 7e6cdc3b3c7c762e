import type { Clock } from "#core";
import type { Check } from "#hive";
import type { Answer, UnitRun } from "./attempt.ts";
import { attempt } from "./attempt.ts";
import type { CheckedHost } from "./checked-host.ts";

export interface PollOptions {
  readonly host: CheckedHost;
  readonly clock: Clock;
  readonly failedBefore: readonly string[];
  readonly onAttempt?: ((check: Check, answer: Answer) => void) | undefined;
}

const KEPT_ANSWERS = 3;

/** The attempts of one check on one host. */
export class Poll {
  readonly check: Check;
  attempts = 0;
  /** What the last attempts saw, oldest first, repeats left out. */
  readonly lastSeen: string[] = [];
  /** How often its unit was restarted while it soaked. */
  restarts = 0;
  readonly #options: PollOptions;
  #run: UnitRun | undefined;

  constructor(check: Check, options: PollOptions) {
    this.check = check;
    this.#options = options;
  }

  /** Tries once a period until it has passed as often in a row as it wants. False: its deadline was over first. */
  async untilPassed({ signal, retry }: { readonly signal?: AbortSignal | undefined; readonly retry: boolean }) {
    const { passes, periodMs, deadlineMs } = this.check;
    const { clock } = this.#options;
    const giveUpAt = clock.monotonic() + deadlineMs;
    for (let inARow = 0; ;) {
      const startedAt = clock.monotonic();
      const { passed } = await this.#attempt(signal);
      inARow = passed ? inARow + 1 : 0;
      if (inARow >= passes) return true;
      const nextAt = Math.max(startedAt + periodMs, clock.monotonic());
      if (nextAt >= giveUpAt || (!passed && !retry)) return false;
      await clock.sleep(nextAt - clock.monotonic(), { signal });
    }
  }

  /**
   * Goes on trying once a period until `untilMs` of the clock, and then for the last time. It ends on a good answer:
   * while it is failing then, it goes on until it passes or has failed too often. False: it failed, or its unit was
   * restarted, more often than it may.
   */
  async soak(untilMs: number, { signal }: { readonly signal?: AbortSignal | undefined }): Promise<boolean> {
    const { failures, periodMs } = this.check;
    const { clock } = this.#options;
    let nextAt = Math.min(clock.monotonic() + periodMs, untilMs);
    for (let inARow = 0; ;) {
      await clock.sleep(Math.max(0, nextAt - clock.monotonic()), { signal });
      const startedAt = clock.monotonic();
      const { passed } = await this.#attempt(signal, { soaking: true });
      inARow = passed ? 0 : inARow + 1;
      if (inARow >= failures || this.restarts >= failures) return false;
      if (startedAt >= untilMs && passed) return true;
      nextAt = startedAt + periodMs;
      if (startedAt < untilMs) nextAt = Math.min(nextAt, untilMs);
    }
  }

  async #attempt(signal: AbortSignal | undefined, { soaking = false } = {}): Promise<Answer> {
    const { host, clock, failedBefore, onAttempt } = this.#options;
    const answer = this.#noteRun(await attempt(this.check, host, { signal, clock, failedBefore }), soaking);
    this.attempts += 1;
    onAttempt?.(this.check, answer);
    if (this.lastSeen.at(-1) !== answer.seen) this.lastSeen.push(answer.seen);
    if (this.lastSeen.length > KEPT_ANSWERS) this.lastSeen.shift();
    return answer;
  }

  /** A unit that is active again and again was not active in between. */
  #noteRun(answer: Answer, soaking: boolean): Answer {
    const { unitRun } = answer;
    if (unitRun === undefined) return answer;
    const last = this.#run;
    this.#run = unitRun;
    if (soaking && last !== undefined && unitRun.invocation !== last.invocation) {
      this.restarts += Math.max(1, unitRun.restarts - last.restarts);
    }
    return this.restarts === 0 ? answer : { ...answer, seen: `${answer.seen}, restarted ${times(this.restarts)}` };
  }
}

/** `once`, `3 times`. */
export function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
