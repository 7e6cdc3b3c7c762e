import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { acquireLease, ActivationError, releaseLease, renewLease } from "#activation";
import type { HostAccess } from "#activation";
import type { Connection } from "#ssh";
import { connect } from "#ssh";
import type { Fleet } from "./harness/index.ts";
import { fleetUnavailable, startFleet } from "./harness/index.ts";

describe.skipIf(fleetUnavailable() !== undefined)("the lease on a host", () => {
  let fleet: Fleet;
  let connection: Connection;
  let access: HostAccess;
  beforeAll(async () => {
    fleet = await startFleet([{ name: "web-1", suite: "bookworm" }]);
    connection = await connect({ host: "web-1" }, { configFile: fleet.client.configFile });
    access = { runner: connection.elevated, root: "" };
  });
  afterAll(async () => {
    await connection[Symbol.asyncDispose]();
    await fleet[Symbol.asyncDispose]();
  });

  const request = (run: string, ttlMs = 60_000, steal = false) => ({
    run,
    owner: `${run}@desk`,
    reason: "test",
    ttlMs,
    steal,
  });

  it("goes to exactly one of many who want it at the same moment, also when it has expired", async () => {
    for (const round of ["free", "expired"]) {
      if (round === "expired") await acquireLease(access, request("late", 0, true));
      const runs = Array.from({ length: 7 }, (_, index) => `${round}-${index}`);
      const results = await Promise.allSettled(runs.map((run) => acquireLease(access, request(run))));
      const winners = runs.filter((_run, index) => results[index]?.status === "fulfilled");
      expect(winners).toHaveLength(1);
      for (const result of results) {
        if (result.status === "fulfilled") continue;
        expect(result.reason).toBeInstanceOf(ActivationError);
        expect((result.reason as ActivationError).code).toBe("activation/lease-held");
        expect((result.reason as ActivationError).message).toContain(`held by ${winners[0] ?? ""}@desk`);
      }
      await releaseLease(access, { run: winners[0] ?? "" });
    }
  });

  it("is extended by its holder, never shortened, and given back by nobody else", async () => {
    await acquireLease(access, request("holder", 100_000));
    await acquireLease(access, request("holder", 1_000));
    await releaseLease(access, { run: "stranger" });
    const refused = acquireLease(access, request("other"));
    await expect(refused).rejects.toThrow(/for 1 min (3|4)\d s/);
    await releaseLease(access, { run: "holder" });
    await expect(acquireLease(access, request("other"))).resolves.toEqual({ takenFrom: undefined });
  });

  it("is lost to a thief, and the robbed one is told who has it", async () => {
    const { takenFrom } = await acquireLease(access, request("thief", 60_000, true));
    expect(takenFrom).toMatchObject({ run: "other", owner: "other@desk" });
    await expect(renewLease(access, { run: "other", ttlMs: 1_000 })).rejects.toThrow(/held by thief@desk/);
  });

  it("keeps odd owners and reasons on their line", async () => {
    await acquireLease(access, {
      run: "odd",
      owner: "o'brien\n@desk",
      reason: "run=thief $(reboot)",
      ttlMs: 60_000,
      steal: true,
    });
    await expect(acquireLease(access, request("next"))).rejects.toThrow(
      "held by o'brien @desk (run odd, run=thief $(reboot)",
    );
  });
});
