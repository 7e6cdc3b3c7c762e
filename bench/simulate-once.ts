/**
 * One simulated deployment in a process of its own; prints a {@link SimulatedReport}. Arguments: the number of hosts,
 * and `changed` or `same`.
 */
import process from "node:process";
import { parseHive } from "#hive";
import { madeUpHive, SimulatedFleet } from "#simulation";

export interface SimulatedReport {
  /** Of the deployment alone. */
  readonly seconds: number;
  readonly peakBytes: number;
  /** Each number of logins that a host had. */
  readonly logins: readonly number[];
}

const [count = "", what = ""] = process.argv.slice(1);
const startedAt = performance.now();
const { hosts, rollout: policy, limits } = parseHive(madeUpHive(Number(count)), { directory: "/simulated" });
const fleet = new SimulatedFleet(hosts, { seed: 1 });
const release = what === "same" ? "v1" : "v2";
const { report } = await fleet.deploy({ release, goal: "switch", policy, limits, faults: [] });
const wanted = what === "same" ? "unchanged" : "deployed";
const wrong = report?.hosts.find(({ outcome }) => outcome !== wanted);
if (report === undefined || wrong !== undefined) throw new Error(`${wrong?.host ?? "the run"} did not end ${wanted}`);
const simulated: SimulatedReport = {
  seconds: (performance.now() - startedAt) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  logins: [...new Set(report.hosts.map(({ logins }) => logins))],
};
process.stdout.write(JSON.stringify(simulated));
