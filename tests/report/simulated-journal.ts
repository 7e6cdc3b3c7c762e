import { parseHive } from "#hive";
import type { HostName, RolloutInput } from "#hive";
import type { JournalRead, RolloutEvent } from "#rollout";
import { createRandom, madeUpHive, randomFaults, SimulatedFleet } from "#simulation";

/** The journal of a run of so many simulated hosts, some of which go wrong. */
export async function simulatedJournal(
  count: number,
  { bad, policy }: { readonly bad: number; readonly policy: RolloutInput },
): Promise<JournalRead> {
  const hive = parseHive(madeUpHive(count, { rollout: policy }), { directory: "/simulated" });
  const random = createRandom(5);
  const faults = randomFaults("bad-system", { hosts: hive.hosts, count: bad, random });
  const fleet = new SimulatedFleet(hive.hosts, { seed: 5 });
  const isUpToDate = ({ name }: { readonly name: HostName }): boolean => name.endsWith("9");
  const limits = { ...hive.limits, parallel: 50, copy: 50, activate: 50 };
  const { report, events } = await fleet.deploy({
    ...{ release: "v2", goal: "switch", policy: hive.rollout, limits, faults, isUpToDate },
  });
  if (report === undefined) throw new Error("the simulated run has no report");
  const waveOf = new Map(
    events.flatMap((event) =>
      event.type === "wave-started" ? event.hosts.map((host) => [host, event.wave] as const) : [],
    ),
  );
  const hosts = report.hosts.map(({ host }) => ({ name: host, wave: waveOf.get(host) ?? "rest", target: { host } }));
  const { run, goal, startedAt } = report;
  const names = hosts.map(({ name }) => name);
  const started: RolloutEvent = {
    at: startedAt,
    type: "run-started",
    run,
    goal,
    hive: hive.name,
    hosts: names,
    steps: [],
  };
  return {
    file: "simulated.ndjson",
    header: {
      ...{ v: 1, run, goal, hive: hive.name, operator: "ann@laptop", startedAt, hosts, policy: hive.rollout },
      revision: { name: hive.name, revision: "0123456789abcdef0123", dirty: true },
      process: { pid: 1, machine: "laptop", started: null },
    },
    events: [started, ...events],
    resumptions: [],
    state: "ended",
    report,
    hosts: hosts.map((host) => ({
      ...{ ...host, step: undefined, begun: true },
      report: report.hosts.find((one) => one.host === host.name),
    })),
  } as unknown as JournalRead;
}
