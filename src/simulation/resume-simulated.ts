import type { Host, Limits, RolloutPolicy } from "#hive";
import type { Journal, ResumeOutside, ResumeRunOptions, RolloutPlan, RolloutReport } from "#rollout";
import { formatLine, journalHeader, parseJournal, resumeRun } from "#rollout";
import type { VirtualClock } from "./clock/virtual-clock.ts";
import type { Operator } from "./operator.ts";
import { openOperator } from "./operator.ts";
import type { RunRecord } from "./record-run.ts";

/** `skep resume`, some time after the run ended without being at its end. */
export interface ResumeOrder {
  /** After the operator was gone. */
  readonly afterMs: number;
  /** As `skep resume`, with `--no-new`, and with `--revert`. */
  readonly wanted: ResumeRunOptions["wanted"];
}

export interface ResumeSimulatedOptions {
  readonly plan: RolloutPlan;
  readonly record: RunRecord;
  readonly clock: VirtualClock;
  readonly policy: RolloutPolicy;
  readonly limits: Limits;
  /** Of the run, as they are simulated. */
  readonly hosts: readonly Host[];
  readonly hive: readonly Host[];
  readonly openHands: (operator: Operator) => Pick<ResumeRunOptions, "stop" | "leave"> & Pick<ResumeOutside, "ports">;
  readonly make: ResumeOutside["make"];
}

const HIVE = "simulated";

/** Takes up what is written in the run's journal, by the code that `skep resume` does it by. */
export async function resumeSimulated(
  { afterMs, wanted }: ResumeOrder,
  { plan, record, clock, policy, limits, hosts, hive, openHands, make }: ResumeSimulatedOptions,
): Promise<RolloutReport> {
  await clock.sleep(afterMs);
  const header = journalHeader(plan, { hive: HIVE, policy });
  const lines = [header, ...record.journalled()].map(formatLine);
  const journal = parseJournal(lines.join(""), `${plan.run.id}.ndjson`);
  const operator = openOperator();
  record.resume(operator);
  const simulated = new Map(hosts.map((host) => [host.name, host]));
  const { ports, stop, leave } = openHands(operator);
  return resumeRun(
    {
      ...{ name: HIVE, directory: "/simulated", rollout: policy, limits },
      hosts: hive.map((host) => simulated.get(host.name) ?? host),
    },
    journal,
    {
      ...{ wanted, verify: false, stop, leave, clock, limits, reboot: plan.run.reboot },
      confirm: () => Promise.resolve(true),
      onEvent: ({ at: _at, ...happening }) => {
        record.emit(happening);
      },
      outside: { ports, make, continueJournal: () => Promise.resolve(NO_JOURNAL) },
    },
  );
}

/** A resumed run is not resumed again here. */
const NO_JOURNAL: Journal = {
  append: () => undefined,
  decided: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
