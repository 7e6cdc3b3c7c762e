import type { FleetPlan, HostReport } from "#rollout";
import { applyEvent, createRunState } from "../run/run-state.ts";
import { junitXml } from "./junit-xml.ts";

/** A plan in which hosts failed as JUnit XML: these as failures, all others skipped for `reason`. */
export function planJunit(plan: FleetPlan, { reason }: { readonly reason: string }): string {
  const { id: run, goal, hive } = plan;
  const at = Date.parse(plan.madeAt);
  const state = createRunState();
  const names = plan.hosts.map(({ host }) => host);
  applyEvent(state, { at, type: "run-started", run, goal, hive, hosts: names, steps: [], planning: true });
  const hosts = plan.hosts.map((host) => reportOf(host, reason));
  for (const report of hosts) applyEvent(state, { at, type: "host-finished", host: report.host, report });
  state.report = { run, goal, startedAt: at, durationMs: 0, hosts, interrupted: false };
  return junitXml(state);
}

function reportOf(planned: FleetPlan["hosts"][number], reason: string): HostReport {
  const untouched = {
    ...{ host: planned.host, from: undefined, to: undefined, generation: undefined, secretsFrom: undefined },
    ...{ durationMs: 0, logins: 0, copiedPaths: 0, copiedBytes: 0, notices: [] },
  };
  return planned.status === "failed"
    ? { ...untouched, outcome: "failed", error: planned.error }
    : { ...untouched, outcome: "skipped", reason };
}
