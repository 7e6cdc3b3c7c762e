import type { Clock } from "#core";
import { systemClock } from "#core";
import type { Goal, Hive, Host, HostName, Limits, RolloutPolicy } from "#hive";
import { tellChanges } from "./changes/tell-changes.ts";
import type { RolloutEvent } from "./events.ts";
import type { Emit } from "./host/host-log.ts";
import type { SshOptions } from "./host/log-in.ts";
import { journalHeader } from "./journal/journal-header.ts";
import type { Journal } from "./journal/open-journal.ts";
import { openJournal } from "./journal/open-journal.ts";
import { runsFolder } from "./journal/runs-folder.ts";
import { createSecretsMask } from "./mask/mask-secrets.ts";
import { maskSource } from "./mask/mask-source.ts";
import { operatorName } from "./operator-name.ts";
import type { FleetPlan } from "./plan/fleet-plan.ts";
import { refusePlan } from "./plan/refuse-plan.ts";
import { prepareRun } from "./prepare/prepare-run.ts";
import type { SecretsSource } from "./prepare/prepare-secrets.ts";
import { readRevision } from "./read-revision.ts";
import type { PreparedReturn, Run } from "./rollout-plan.ts";
import type { RolloutReport } from "./rollout-report.ts";
import { makeRunId } from "./run-id.ts";
import type { RunRolloutOptions } from "./run-rollout.ts";
import { runRollout } from "./run-rollout.ts";
import { stepsFor } from "./steps.ts";
import type { WavesPlan } from "./waves/plan-waves.ts";
import { planWaves } from "./waves/plan-waves.ts";

export interface RollOutOptions {
  readonly goal: Goal;
  readonly hosts: readonly Host[];
  /** What the command line says instead of the hive. */
  readonly limits?: Partial<Limits> | undefined;
  /** What the command line made of the hive's policy. Default: the hive's. */
  readonly policy?: RolloutPolicy | undefined;
  readonly ssh?: SshOptions | undefined;
  /** Where secrets come from; undefined when there are none. */
  readonly secrets?: SecretsSource | undefined;
  /** Where hosts go back to, in a run that brings none of them anything new. */
  readonly returns?: ReadonlyMap<HostName, PreparedReturn> | undefined;
  /** Take hosts over that another run holds. */
  readonly stealLease?: boolean | undefined;
  /** How long to wait for a host that another run holds. Default: not at all. */
  readonly leaseTimeoutMs?: number | undefined;
  readonly reboot?: "never" | "if-needed" | "always" | undefined;
  /** Receives everything that happens, in order. Must not throw. */
  readonly onEvent: (event: RolloutEvent) => void;
  /** Aborts when no new host is to be begun; those under way finish or go back. */
  readonly stop: AbortSignal;
  /** Aborts when hosts under way are to be left to their agents. */
  readonly leave: AbortSignal;
  readonly clock?: Clock | undefined;
  /** Asks a person before a wave; undefined where there is none. */
  readonly confirm?: RunRolloutOptions["confirm"];
  /** Whether to write the run's journal, in the hive's folder. Default: no. */
  readonly journal?: boolean | undefined;
  /** A plan that was reviewed: its systems are deployed and no others, to hosts that are as they were. */
  readonly saved?: FleetPlan | undefined;
}

/**
 * One deployment: prepares the closures, plans, and carries the plan out.
 * @throws SkepError when nothing can be done for any host, such as a missing Nix; what fails for one host is in the report.
 */
export async function rollOut(hive: Hive, options: RollOutOptions): Promise<RolloutReport> {
  const { goal, hosts, ssh = {}, stealLease = false, onEvent, stop, leave, clock = systemClock, saved } = options;
  const limits = { ...hive.limits, ...options.limits };
  const policy = options.policy ?? hive.rollout;
  const startedAt = clock.now();
  const run: Run = {
    id: makeRunId(new Date(startedAt)),
    goal,
    startedAt,
    operator: operatorName(),
    // Of a plan that was made before: what its systems were made of, whatever lies beside them now.
    revision: saved?.revision ?? (await readRevision(hive)),
    stealLease,
    leaseTimeoutMs: options.leaseTimeoutMs,
    reboot: options.reboot,
    rollback: options.returns === undefined ? undefined : true,
  };
  const events: RolloutEvent[] = [];
  const mask = createSecretsMask();
  // What happens before the journal is open goes into it first.
  const record: { journal?: Journal; readonly early: RolloutEvent[] } = { early: [] };
  const emit: Emit = (happening) => {
    const event = mask.mask({ at: clock.now(), ...happening });
    // Progress is much, and old at once.
    if (event.type !== "step-progress" && event.type !== "log") events.push(event);
    if (record.journal !== undefined) record.journal.append(event);
    else if (options.journal === true) record.early.push(event);
    onEvent(event);
  };
  const names = hosts.map((host) => host.name);
  const { rollback } = run;
  const haveSecrets = hosts.some((host) => host.secrets.length > 0);
  const steps = stepsFor(goal, { secrets: haveSecrets, systems: rollback === undefined });
  // First, for waves that go against the order are told before anything is built.
  const waves = planWaves(policy, { run: hosts, hive: hive.hosts });
  const namesOfWaves = waves.waves.map(({ policy: wave, hosts: ofWave }) => ({
    name: wave.name,
    hosts: ofWave.map((one) => one.name),
  }));
  const { name } = hive;
  const { operator, revision } = run;
  const of = revision.revision === null ? {} : { revision: revision.revision, dirty: revision.dirty };
  const begun = { run: run.id, goal, hive: name, hosts: names, steps, waves: namesOfWaves, rollback, operator, ...of };
  emit({ type: "run-started", ...begun });
  tellPassedOver(waves, emit);
  const secrets = maskSource(options.secrets, mask);
  await using prepared = await prepareRun(run, {
    ...{ hive, hosts, waves, policy, limits, secrets, saved, emit, clock, signal: stop },
    returns: options.returns,
  });
  const { plan, narSource } = prepared;
  await using journal = options.journal
    ? await openJournal(runsFolder(hive), journalHeader(plan, { hive: hive.name, policy }), {
        onTrouble: (message) => {
          emit({ type: "notice", message });
        },
      })
    : undefined;
  if (journal !== undefined) {
    for (const event of record.early.splice(0)) journal.append(event);
    record.journal = journal;
  }
  const refused = saved === undefined ? undefined : await refusePlan(plan, { ssh, emit, clock, signal: stop });
  if (refused !== undefined) return mask.mask(refused);
  const report = await runRollout(plan, {
    emit,
    ssh,
    stop,
    leave,
    narSource,
    changes: tellChanges(prepared, { hive, keep: options.journal === true, saved, emit, signal: leave }),
    clock,
    events,
    confirm: options.confirm,
    decided: () => journal?.decided() ?? Promise.resolve(),
  });
  return mask.mask(report);
}

/** A wave that somebody counts on, and that this run has not. */
function tellPassedOver({ passedOver }: WavesPlan, emit: Emit): void {
  const names = passedOver.map(({ name }) => name).join(", ");
  if (passedOver.length === 1) emit({ type: "notice", message: `wave ${names} takes none of these hosts` });
  else if (names !== "") emit({ type: "notice", message: `waves ${names} take none of these hosts` });
}
