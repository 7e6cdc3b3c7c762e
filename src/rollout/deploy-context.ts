import type { Clock } from "#core";
import type { NarSource } from "#store";
import type { Emit } from "./host-log.ts";
import type { Run } from "./rollout-plan.ts";
import type { SshOptions } from "./log-in.ts";

/** Waits for a free place, does the work, gives the place back. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** What the deployments of all hosts in a run share. */
export interface DeployContext {
  readonly run: Run;
  readonly ssh: SshOptions;
  readonly narSource: NarSource;
  readonly copyLimit: Limit;
  readonly activateLimit: Limit;
  readonly emit: Emit;
  readonly clock: Clock;
  /** Aborts when hosts are to be left to their agents at once. */
  readonly leave: AbortSignal;
}
