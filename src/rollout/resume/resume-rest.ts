import type { Hive, Host, HostName, Limits, RolloutPolicy } from "#hive";
import type { StorePath } from "#store";
import { tellChanges } from "../changes/tell-changes.ts";
import { JournalError } from "../journal/errors.ts";
import type { MakeSystems } from "../prepare/prepare-run.ts";
import { prepareRun } from "../prepare/prepare-run.ts";
import type { SecretsSource } from "../prepare/prepare-secrets.ts";
import type { Prepared, PreparedReturn, Run } from "../rollout-plan.ts";
import type { HostReport, RolloutReport } from "../rollout-report.ts";
import type { RunRolloutOptions } from "../run-rollout.ts";
import { runRollout } from "../run-rollout.ts";
import { toErrorJson } from "../to-error-json.ts";

export interface RollOutRestOptions extends Omit<RunRolloutOptions, "narSource" | "clock"> {
  readonly clock: NonNullable<RunRolloutOptions["clock"]>;
  /** All hosts of the run. */
  readonly hosts: readonly Host[];
  /** How those ended that did. They count as what they are, and nothing is done on them. */
  readonly earlier: ReadonlyMap<HostName, HostReport>;
  /** What each host was to run when the run began. */
  readonly toplevels: ReadonlyMap<HostName, StorePath>;
  /** Where each host was to go back to, in a run that takes hosts back. */
  readonly returns: ReadonlyMap<HostName, PreparedReturn>;
  readonly policy: RolloutPolicy;
  readonly limits: Limits;
  readonly secrets: SecretsSource | undefined;
  readonly make?: MakeSystems | undefined;
}

/** The hosts of a run that were not begun: makes their systems again, and carries the plan on by its own rules. */
export async function rollOutRest(run: Run, hive: Hive, options: RollOutRestOptions): Promise<RolloutReport> {
  const { hosts, earlier, toplevels, returns, policy, limits, secrets, make, emit, clock, stop } = options;
  await using prepared = await prepareRun(run, {
    ...{ hive, hosts, returns, policy, limits, secrets, make, emit, clock, signal: stop },
    ended: new Set(earlier.keys()),
    judge: (system, name) => asItBegan(system, { name, was: toplevels.get(name) }),
  });
  const { plan, narSource } = prepared;
  // Who makes the systems in another way has no real hosts.
  const changes =
    make === undefined ? tellChanges(prepared, { hive, keep: true, emit, signal: options.leave }) : undefined;
  return await runRollout(plan, { ...options, narSource, changes });
}

/** A run that is resumed does what it began to do, or nothing. */
function asItBegan(
  prepared: Prepared,
  { name, was }: { readonly name: HostName; readonly was: StorePath | undefined },
): Prepared {
  if ("error" in prepared || was === undefined || prepared.closure.toplevel === was) return prepared;
  const message = `the hive changed since the run began: its system was ${was} and is ${prepared.closure.toplevel}`;
  const error = new JournalError("rollout/hive-changed", message, {
    hint: "resume with what the run began with, which may have come from the environment that the hive reads (as in RELEASE=v2 skep resume); or bring the new system with skep deploy: the host is as it was",
  });
  return { error: toErrorJson(error, name) };
}
