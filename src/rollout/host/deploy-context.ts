import type { Clock } from "#core";
import type { ChangeTeller } from "../changes/change-teller.ts";
import type { NarSource } from "#store";
import type { Emit } from "./host-log.ts";
import type { Availability } from "../waves/availability.ts";
import type { HostPorts } from "./host-ports.ts";
import type { Run } from "../rollout-plan.ts";
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
  readonly availability: Availability;
  readonly emit: Emit;
  readonly clock: Clock;
  /** Aborts when no new host is to be begun. */
  readonly stop: AbortSignal;
  /** Aborts when hosts are to be left to their agents at once. */
  readonly leave: AbortSignal;
  readonly ports: HostPorts;
  /** Tells what changes on hosts. Default: nobody does. */
  readonly changes?: ChangeTeller | undefined;
  /** Settles once all that happened so far is on the disk: to be waited for before anything that cannot be undone. */
  readonly decided?: (() => Promise<void>) | undefined;
}
