import type { SkepErrorJson } from "#core";
import type { Goal, HostName } from "#hive";
import type { HostReport, RolloutEvent, RolloutHappening, RolloutReport, Step } from "#rollout";
import { stepsFor } from "#rollout";
import type { StorePath } from "#store";

/** Noon in this machine's own time zone, which is what logs show. */
export const NOON = new Date(2026, 0, 15, 12, 0, 0).getTime();

export const name = (host: string): HostName => host as HostName;

/** A system of NixOS that some host runs, told apart by the first letter of its digest. */
export function systemPath(letter: string, host: string, version: string): StorePath {
  return `/nix/store/${letter}${"c4x2abw9q7z".repeat(3).slice(0, 31)}-nixos-system-${host}-${version}` as StorePath;
}

/** A host's report with what most of them have in common. */
export function hostReport(host: string, ending: Partial<HostReport> & Pick<HostReport, "outcome">): HostReport {
  return {
    host: name(host),
    from: systemPath("0", host, "24.11"),
    to: systemPath("9", host, "25.05"),
    generation: 43,
    durationMs: 12_400,
    logins: 2,
    copiedPaths: 120,
    copiedBytes: 38 * 1024 * 1024,
    notices: [],
    ...ending,
  } as HostReport;
}

export const BAD_GATEWAY: SkepErrorJson = {
  code: "health/failed",
  message: "http :80/healthz answered 502 for 30 s, wanted 200 to 299",
  hint: "see why with ssh root@db-1 journalctl --unit nginx",
  host: "db-1",
};

export function rolloutReport(hosts: readonly HostReport[], more: Partial<RolloutReport> = {}): RolloutReport {
  return { run: "r-7c1d", goal: "switch", startedAt: NOON, durationMs: 42_000, hosts, interrupted: false, ...more };
}

/** Three hosts: web-1 is deployed, web-2 had it already, db-1 fails its check and goes back. */
export function typicalRun(goal: Goal = "switch"): RolloutEvent[] {
  const events: RolloutEvent[] = [];
  let at = NOON;
  const tell = (seconds: number, happening: RolloutHappening): void => {
    at += seconds * 1_000;
    events.push({ at, ...happening });
  };
  const step = (host: string, its: Step, seconds: number): void => {
    tell(0, { type: "step-started", host: name(host), step: its });
    tell(seconds, { type: "step-finished", host: name(host), step: its, durationMs: seconds * 1_000 });
  };
  const copy = (host: string): void => {
    const progress = (part: number): void => {
      const [pathsTotal, bytesTotal] = [120, 38 * 1024 * 1024];
      const done = { paths: pathsTotal * part, bytes: bytesTotal * part };
      const copied = { pathsTotal, bytesTotal, ...done };
      tell(1, { type: "step-progress", host: name(host), step: "copy", copy: copied });
    };
    tell(0, { type: "step-started", host: name(host), step: "copy" });
    for (const part of [0, 0.25, 0.5, 1]) progress(part);
    tell(0, { type: "step-finished", host: name(host), step: "copy", durationMs: 4_000 });
  };
  const hosts = ["web-1", "web-2", "db-1"];
  tell(0, { type: "run-started", run: "r-7c1d", goal, hive: "apiary", hosts: hosts.map(name), steps: stepsFor(goal) });
  tell(0, { type: "notice", message: "the hive's git tree has changes that are not committed" });
  step("web-1", "connect", 0.4);
  step("web-2", "connect", 0.6);
  const unchanged = hostReport("web-2", {
    outcome: "unchanged",
    to: systemPath("0", "web-2", "24.11"),
    generation: 42,
    durationMs: 1_000,
    copiedPaths: 0,
    copiedBytes: 0,
  });
  tell(0, { type: "host-finished", host: name("web-2"), report: unchanged });
  copy("web-1");
  step("web-1", "test", 6);
  tell(0, { type: "log", host: name("web-1"), step: "test", line: "\u001b[32mstarting\u001b[0m nginx.service" });
  step("web-1", "commit", 1);
  const deployed = hostReport("web-1", { outcome: "deployed", notices: ["a reboot is needed to run the new kernel"] });
  tell(0, { type: "host-finished", host: name("web-1"), report: deployed });
  tell(0, { type: "step-started", host: name("db-1"), step: "check" });
  for (let attempt = 0; attempt < 6; attempt += 1) {
    tell(4, { type: "step-progress", host: name("db-1"), step: "check", message: "waiting for http :80 (502)" });
  }
  tell(0, { type: "log", host: name("db-1"), step: "check", line: "nginx: bind() to 0.0.0.0:80 failed" });
  tell(1, { type: "step-failed", host: name("db-1"), step: "check", durationMs: 25_000, error: BAD_GATEWAY });
  step("db-1", "roll-back", 3);
  const rolledBack = hostReport("db-1", {
    outcome: "rolled-back",
    error: BAD_GATEWAY,
    generation: undefined,
    durationMs: 29_000,
  });
  tell(0, { type: "host-finished", host: name("db-1"), report: rolledBack });
  tell(0, { type: "run-finished", report: rolloutReport([deployed, unchanged, rolledBack], { goal }) });
  return events;
}
