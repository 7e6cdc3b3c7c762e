import { describe, expect, it } from "vitest";
import type { HiveInput } from "#hive";
import { nixos, parseHive } from "#hive";

const system = nixos({ flake: "github:example/fleet" });

function parse(waves: readonly string[]) {
  const hosts: HiveInput["hosts"] = {
    "web-1": { tags: ["web", "canary"], system },
    "web-2": { tags: ["web"], system },
    "db-1": { system },
  };
  return parseHive({ hosts, rollout: { waves } }, { directory: "/fleet" });
}

describe("rollout.waves", () => {
  it("puts each host into the first wave that selects it, and those in none into the last", () => {
    expect(parse(["@canary", "@web"]).waves).toEqual([
      { name: "@canary", hosts: ["web-1"] },
      { name: "@web", hosts: ["web-2"] },
      { name: "rest", hosts: ["db-1"] },
    ]);
  });

  it("leaves out a wave whose hosts all went before", () => {
    expect(parse(["@web", "@canary", "db-*"]).waves.map(({ name }) => name)).toEqual(["@web", "db-*"]);
  });

  it("is one wave of all hosts when none is given", () => {
    expect(parse([]).waves).toEqual([{ name: "rest", hosts: ["web-1", "web-2", "db-1"] }]);
  });

  it("refuses a selection that names no host", () => {
    expect(() => parse(["@canary", "@cannary"])).toThrow(
      /rollout\.waves\[1\]: expected a selection of hosts of this hive/,
    );
  });
});
