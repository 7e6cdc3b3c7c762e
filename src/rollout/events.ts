import type { SkepErrorJson } from "#core";
import type { Baseline } from "#health";
import type { Goal, HostName } from "#hive";
import type { KnownChange } from "./changes/known-change.ts";
import type { HostReport, RolloutReport } from "./rollout-report.ts";
import type { Step } from "./steps.ts";

/** What happens in a run. Screen, NDJSON and exit code are all made from these. `at` is milliseconds since 1970. */
export type RolloutEvent = { readonly at: number } & RolloutHappening;

export type RolloutHappening =
  | {
      readonly type: "run-started";
      readonly run: string;
      readonly goal: Goal;
      readonly hive: string;
      readonly hosts: readonly HostName[];
      /** The steps of each host, in order. */
      readonly steps: readonly Step[];
      /** Which hosts go together, in the order they go. Of a run that is resumed they are told as they begin. */
      readonly waves?: readonly { readonly name: string; readonly hosts: readonly HostName[] }[] | undefined;
      /** Whether the run takes hosts back to systems they had. */
      readonly rollback?: true | undefined;
      /** `user@machine`: who deploys. */
      readonly operator?: string | undefined;
      /** The git commit that is deployed; undefined outside a repository. */
      readonly revision?: string | undefined;
      /** Whether what is deployed had changes that were not committed. */
      readonly dirty?: boolean | undefined;
      /** Whether it only plans such a run: hosts are looked at, and none comes to an end. */
      readonly planning?: true | undefined;
    }
  /** Of runs with more than one wave. */
  | {
      readonly type: "wave-started";
      readonly wave: string;
      /** Its place among the waves of the run, from 1 up. */
      readonly number: number;
      /** How many waves the run has. */
      readonly of: number;
      readonly hosts: readonly HostName[];
    }
  /** `stopped`: why no later wave is begun. */
  | { readonly type: "wave-finished"; readonly wave: string; readonly stopped: string | undefined }
  | { readonly type: "step-started"; readonly host: HostName; readonly step: Step }
  | {
      readonly type: "step-progress";
      readonly host: HostName;
      readonly step: Step;
      /** What is going on, for people: `waiting for http :80 (502)`. */
      readonly message?: string | undefined;
      /** When what the message says is over, milliseconds since 1970: the end of a soak. */
      readonly until?: number | undefined;
      /** Present while copying. */
      readonly copy?: CopyProgress | undefined;
    }
  | { readonly type: "step-finished"; readonly host: HostName; readonly step: Step; readonly durationMs: number }
  | {
      readonly type: "step-failed";
      readonly host: HostName;
      readonly step: Step;
      readonly durationMs: number;
      readonly error: SkepErrorJson;
    }
  /** How a host was before an agent was started on it. `run` is the agent's: a way back has one of its own. */
  | { readonly type: "baseline"; readonly host: HostName; readonly run: string; readonly before: HostBefore }
  /**
   * What changes on a host that was reached and is not as wanted, at its end or after that; also where the host then went
   * back. The same on several hosts has one `id`, and is told in full with the first of them.
   */
  | {
      readonly type: "changes";
      readonly host: HostName;
      readonly id: string;
      readonly change?: KnownChange | undefined;
    }
  /** A line that the evaluator (which works for many hosts), a builder or the host's switch-to-configuration printed. */
  | { readonly type: "log"; readonly host?: HostName | undefined; readonly step: Step; readonly line: string }
  /** Something the operator should know although nothing failed. */
  | { readonly type: "notice"; readonly host?: HostName | undefined; readonly message: string }
  /** The operator asked to stop: first no new host is begun, then those under way are left to their agents. */
  | { readonly type: "interrupted"; readonly leave: boolean }
  | { readonly type: "host-finished"; readonly host: HostName; readonly report: HostReport }
  | { readonly type: "run-finished"; readonly report: RolloutReport };

/** What a host is judged by after it was changed, also by an operator who comes later. */
export interface HostBefore {
  /** Of the boot it was in. */
  readonly bootId: string;
  /** The generation of secrets it used; undefined when it used none. */
  readonly secrets?: number | undefined;
  /** What the checks said: those that passed must pass again after going back. */
  readonly baseline: Baseline;
}

/** How far a copy is; totals are of what the host lacks. */
export interface CopyProgress {
  readonly paths: number;
  readonly pathsTotal: number;
  readonly bytes: number;
  readonly bytesTotal: number;
}
