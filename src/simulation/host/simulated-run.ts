import type { AgentOrder, AgentState, Verdict } from "#activation";
import { FINAL_STATES } from "#activation";
import type { StorePath } from "#store";

/** What an agent is told, as it arrives at the host. */
export interface SimulatedOrder extends Pick<
  AgentOrder,
  "run" | "goal" | "toplevel" | "previous" | "switchTimeoutMs" | "confirmTimeoutMs" | "secrets"
> {
  /** By when it must be at its end, whatever goes wrong. */
  readonly longestMs: number;
  /** Whether a system that only a reboot brings may be made what boots next. */
  readonly mayReboot: boolean;
  /** The deployment record, as JSON. */
  readonly record: string;
}

/** The folder of one run on a host. */
export class SimulatedRun {
  readonly order: SimulatedOrder;
  readonly startedAt: number;
  readonly log: string[] = [];
  /** How many lines the log had when the way back began. */
  backFrom: number | undefined;
  cause: string | undefined;
  generation: number | undefined;
  /** The secrets in use before; `undefined` in it means none were. */
  secretsBefore: { readonly generation: number | undefined } | undefined;
  /** What the profile was before the commit; undefined before that. */
  profileBefore: { readonly generation: number | undefined; readonly system: StorePath | undefined } | undefined;
  /** Whether only a reboot brings the system, which was made what boots next. */
  byReboot = false;
  /** Ends the agent's process; undefined when it has none. */
  kill: (() => void) | undefined;
  /** Whether what systemd starts after it is at work. */
  isFinishing = false;
  #state: AgentState = "testing";
  #verdict: Verdict | "expired" | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(order: SimulatedOrder, startedAt: number) {
    this.order = order;
    this.startedAt = startedAt;
  }

  get state(): AgentState {
    return this.#state;
  }

  set state(state: AgentState) {
    this.#state = state;
    this.tell();
  }

  get isOver(): boolean {
    return (FINAL_STATES as readonly AgentState[]).includes(this.#state);
  }

  get verdict(): Verdict | "expired" | undefined {
    return this.#verdict;
  }

  /** The first one stands. */
  decide(verdict: Verdict | "expired"): void {
    this.#verdict ??= verdict;
    this.tell();
  }

  /** Calls back at every change. @returns what ends that. */
  watch(tell: () => void): () => void {
    this.#waiting.add(tell);
    return () => this.#waiting.delete(tell);
  }

  tell(): void {
    for (const tell of [...this.#waiting]) tell();
  }
}
