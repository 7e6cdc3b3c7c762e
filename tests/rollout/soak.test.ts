import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { acquireLease, turnBackAgent } from "#activation";
import type { RolloutEvent } from "#rollout";
import { rollOut } from "#rollout";
import { startSandbox } from "#sandbox";
import { logIn } from "../sandbox/log-in.ts";
import { runningSystem } from "../sandbox/systems-of-host.ts";
import { makeRebootHive } from "./reboot-hive.ts";

const never = new AbortController().signal;

it("a soak ends when the host has gone back: what soaks is the old system", { timeout: 60_000 }, async () => {
  await using sandbox = await startSandbox({ hosts: ["web-1"] });
  const machine = sandbox.host("web-1");
  const directory = mkdtempSync(join(tmpdir(), "skep-soak-"));
  const deploy = (release: string, soak: string, onEvent: (event: RolloutEvent) => void) => {
    const hive = makeRebootHive({ directory, target: machine.target, release, soak });
    return rollOut(hive, { goal: "switch", hosts: hive.hosts, onEvent, stop: never, leave: never });
  };
  try {
    await deploy("v1", "0s", () => undefined);
    const old = runningSystem(machine);
    let taking: Promise<unknown> | undefined;
    const { hosts } = await deploy("v2", "30m", (event) => {
      const soaks =
        event.type === "step-progress" && "message" in event && event.message?.startsWith("soaking") === true;
      if (soaks) taking ??= takeOver();
    });
    await taking;
    expect(hosts).toMatchObject([{ outcome: "rolled-back", error: { code: "activation/lease-lost" } }]);
    expect(runningSystem(machine)).toBe(old);
  } finally {
    rmSync(directory, { recursive: true });
  }

  async function takeOver(): Promise<void> {
    await using connection = await logIn(machine);
    const access = { runner: connection, root: machine.root };
    const request = { run: "20260131-142501-3f9a", owner: "ann@laptop", reason: "tea", ttlMs: 1_000, steal: true };
    const { takenFrom } = await acquireLease(access, request);
    if (takenFrom === undefined) throw new Error("nobody held the host");
    await turnBackAgent(access, { run: takenFrom.run, timeoutMs: 20_000 });
  }
});
