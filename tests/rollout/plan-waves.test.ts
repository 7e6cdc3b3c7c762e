import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RolloutPolicy } from "#hive";
import { nixos, parseHive } from "#hive";
import { planWaves } from "../../src/rollout/waves/plan-waves.ts";
import { policy, wave } from "./policy.ts";

const system = nixos({ flake: "github:o/r" });
const tagged = (name: string): string[] => [name.split("-")[0] ?? "", ...(name === "web-1" ? ["canary"] : [])];
const NAMES = ["web-1", "web-2", "web-3", "web-4", "web-5", "web-6", "db-1", "db-2", "edge-1", "edge-2"];
const { hosts } = parseHive(
  { hosts: Object.fromEntries(NAMES.map((name) => [name, { tags: tagged(name), system }])) },
  { directory: "/hive" },
);

function plan(asked: RolloutPolicy, names: readonly string[] = NAMES) {
  const run = hosts.filter(({ name }) => names.includes(name));
  const { waves, after } = planWaves(asked, { run, hive: hosts });
  return { waves: waves.map((one) => [one.policy.name, one.hosts.map(({ name }) => name)] as const), after };
}
const sized = (name: string, size: { hosts: number } | { percent: number }, selection?: string) =>
  wave(name, { size, selection });

describe("planWaves()", () => {
  it("deals by selection, by number and by share, each host to the first wave that takes it", () => {
    const waves = [
      wave("@canary"),
      sized("1 host", { hosts: 1 }),
      sized("20%", { percent: 20 }),
      wave("rest", { selection: undefined }),
    ];
    expect(plan(policy({ waves })).waves).toEqual([
      ["@canary", ["web-1"]],
      ["1 host", ["web-2"]],
      ["20%", ["web-3", "web-4"]],
      ["rest", ["web-5", "web-6", "db-1", "db-2", "edge-1", "edge-2"]],
    ]);
  });

  it("takes shares of the hosts of this run, and at least one", () => {
    const waves = [sized("10%", { percent: 10 })];
    expect(plan(policy({ waves }), ["db-1", "db-2", "edge-1"]).waves).toEqual([
      ["10%", ["db-1"]],
      ["rest", ["db-2", "edge-1"]],
    ]);
  });

  it("takes a share of a selection", () => {
    const waves = [sized("half of @web", { percent: 50 }, "@web")];
    expect(plan(policy({ waves })).waves[0]).toEqual(["half of @web", ["web-1", "web-2", "web-3"]]);
  });

  it("leaves out waves that get no host in this run", () => {
    expect(plan(policy({ waves: [wave("@canary"), wave("@db")] }), ["db-2"]).waves).toEqual([["@db", ["db-2"]]]);
  });

  it("says whom each host follows", () => {
    const { after } = plan(policy({ order: [{ before: "@db", after: "@web & !@canary" }] }), [
      "web-1",
      "web-2",
      "db-1",
    ]);
    expect([...after]).toEqual([["web-2", ["db-1"]]]);
  });

  it("refuses waves that go against the order", () => {
    const asked = policy({ waves: [wave("@web")], order: [{ before: "@db", after: "@web" }] });
    expect(() => plan(asked)).toThrow(/web-1 is to follow db-1, which is in the later wave rest \(its own is @web\)/);
  });

  it("fills a wave of some with those that wait for nobody", () => {
    const asked = policy({ waves: [sized("1 host", { hosts: 1 })], order: [{ before: "@db", after: "@web" }] });
    expect(plan(asked, ["web-1", "web-2", "db-1"]).waves).toEqual([
      ["1 host", ["db-1"]],
      ["rest", ["web-1", "web-2"]],
    ]);
  });

  it("puts every host into exactly one wave, whatever the waves are", () => {
    const size = fc.oneof(
      fc.record({ hosts: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
    );
    const selection = fc.constantFrom("@web", "@db", "@canary", "edge-*", "!@web", undefined);
    const waves = fc.array(fc.record({ size: fc.option(size, { nil: undefined }), selection }), { maxLength: 6 });
    const run = fc.subarray(NAMES, { minLength: 1 });
    fc.assert(
      fc.property(waves, run, (made, names) => {
        const asked = policy({ waves: made.map((one, index) => wave(`wave ${index}`, one)) });
        const dealt = plan(asked, names).waves.flatMap(([, ofWave]) => ofWave);
        expect([...dealt].sort()).toEqual([...names].sort());
      }),
    );
  });
});
