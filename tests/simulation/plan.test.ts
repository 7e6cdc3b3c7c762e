import { describe, expect, it } from "vitest";
import { parseHive } from "#hive";
import { madeUpHive } from "../../src/simulation/made-up-hive.ts";
import { SimulatedFleet } from "../../src/simulation/simulated-fleet.ts";

describe("a plan for a thousand simulated hosts", () => {
  const hive = parseHive(madeUpHive(1_000, { rollout: { waves: ["@canary", "rest"] } }), { directory: "/hive" });
  const wanted = { policy: hive.rollout, limits: hive.limits };

  it("says what is the same on all of them once, and changes nothing on any", async () => {
    const fleet = new SimulatedFleet(hive.hosts, { seed: 1 });
    const stateOf = () =>
      Array.from(fleet.machines.values(), ({ running, generations, store, lease, runs }) => [
        ...[running, [...generations], [...store], lease, [...runs.keys()]],
      ]);
    const before = stateOf();
    const plan = await fleet.plan({ release: "v2", ...wanted });
    expect(stateOf()).toEqual(before);
    expect(plan.hosts.map(({ status }) => status)).toEqual(hive.hosts.map(() => "changes"));
    expect(plan.waves.map(({ name, hosts }) => [name, hosts.length])).toEqual([
      ["@canary", 10],
      ["rest", 990],
    ]);
    expect(plan.changes).toHaveLength(1);
    expect(plan.changes[0]?.packages).toMatchObject([
      { name: "runtime", kind: "rebuilt" },
      { name: "service", kind: "rebuilt" },
    ]);
    await fleet.deploy({ release: "v2", goal: "switch", ...wanted, faults: [] });
    expect((await fleet.plan({ release: "v2", ...wanted })).changes).toEqual([]);
  });
});
