import { expect, it } from "vitest";
import type { HostReport, RolloutReport } from "#rollout";
import { exitCodeOfReport } from "../../src/cli/exit-codes.ts";

const FAILED = (code: string) => ({ outcome: "failed", error: { code, message: "no", hint: "" } });
const SKIPPED = { outcome: "skipped", reason: "another failed" };
const WELL = [{ outcome: "deployed" }, { outcome: "unchanged" }];

it.each([
  ["all are as wanted", WELL, 0],
  ["one was not evaluated", [...WELL, FAILED("nix/evaluate")], 3],
  ["a secret was not opened, and others were not begun for that", [FAILED("secrets/cannot-open"), SKIPPED, SKIPPED], 4],
  [
    "a secret was not installed, and one host was not reached",
    [FAILED("activation/secrets"), FAILED("ssh/refused")],
    5,
  ],
  ["some were not begun, because a gate said no", [...WELL, SKIPPED], 5],
  [
    "one went back, others were not begun",
    [...WELL, { ...FAILED("health/failed"), outcome: "rolled-back" }, SKIPPED],
    6,
  ],
])("the exit code of a run in which %s", (_, hosts, exitCode) => {
  const report = { hosts: hosts as unknown as readonly HostReport[], interrupted: false } as RolloutReport;
  expect(exitCodeOfReport(report)).toBe(exitCode);
  expect(exitCodeOfReport({ ...report, interrupted: true })).toBe(130);
});
