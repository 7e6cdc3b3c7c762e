import type { RolloutEvent } from "#rollout";

/** What is seen while a run goes on. */
export interface LiveView {
  /** Shows an event that the run's state has taken in already. */
  show(event: RolloutEvent): void;
  /** Shows the last of it and gives the terminal back. */
  close(): Promise<void>;
}
