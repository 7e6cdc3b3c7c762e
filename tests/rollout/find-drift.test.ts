import { describe, expect, it } from "vitest";
import type { HostState } from "#activation";
import { findDrift } from "#rollout";
import type { StorePath } from "#store";

const system = (name: string): StorePath => `/nix/store/${"0".repeat(32)}-${name}` as StorePath;
const optional = (name: string | undefined): StorePath | undefined => (name === undefined ? undefined : system(name));

function drift(told: { running?: string; boots?: string; wanted?: string }): readonly string[] {
  const profile = { system: optional(told.boots) } as HostState["facts"]["profile"];
  const facts = { running: optional(told.running), profile } as HostState["facts"];
  return findDrift({ facts }, optional(told.wanted)).map(({ kind, message }) => `${kind}: ${message}`);
}

describe("findDrift()", () => {
  it.each([
    { told: { running: "a", boots: "a", wanted: "a" }, says: [] },
    { told: { running: "a", boots: "a" }, says: [] },
    { told: { running: "a", boots: "b" }, says: ["running: it runs 0000000 a, and boots 0000000 b"] },
    { told: { running: "a" }, says: ["running: it runs 0000000 a, and has no default"] },
    { told: {}, says: ["no-system: it runs no system of ours"] },
    { told: { boots: "b" }, says: ["no-system: it runs no system of ours, and boots 0000000 b"] },
    {
      told: { running: "a", boots: "a", wanted: "c" },
      says: ["default: it runs and boots 0000000 a, and the hive wants 0000000 c"],
    },
    {
      told: { running: "c", boots: "b", wanted: "c" },
      says: [
        "running: it runs 0000000 c, as the hive wants, and boots 0000000 b",
        "default: it boots 0000000 b, and the hive wants 0000000 c",
      ],
    },
    { told: { running: "a", boots: "c", wanted: "c" }, says: ["running: it runs 0000000 a, and boots 0000000 c"] },
  ])("says in plain words what is not as it should be: $told", ({ told, says }) => {
    expect(drift(told)).toEqual(says);
  });

  it("says that a commit was cut short", () => {
    const profile = { system: system("a") } as HostState["facts"]["profile"];
    const cutCommit = { run: "20260131-142501-3f9a", system: system("b") };
    const facts = { running: system("a"), profile, cutCommit } as HostState["facts"];
    expect(findDrift({ facts }, system("a"))).toEqual([
      {
        kind: "cut-commit",
        message:
          "run 20260131-142501-3f9a was cut short while it made 0000000 b the default: what it boots is not certain until the next deployment",
      },
    ]);
  });
});
