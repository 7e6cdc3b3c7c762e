import { expect, it } from "vitest";
import type { FleetPlan } from "#rollout";
import { planMarkdown } from "#report";

const LOUD = "@admins see https://example.org or www.example.org, fixes #1, ![x](y) <img src=x> | `a` ``b\n# c";

it("what hosts say is code in a plan's Markdown, where it makes no link and calls nobody", () => {
  const host = { wave: "@canary", target: { host: "web-1", user: null, port: null, root: "" }, after: [] };
  const plan = {
    ...{ v: 1, kind: "skep-plan", id: "20260131-142501-3f9a", goal: "switch", hive: "fleet" },
    ...{ madeBy: "ann@laptop", madeAt: "2026-01-31T14:25:01.000Z", reboot: "never" },
    revision: { name: "fleet", revision: null, dirty: false },
    policy: {},
    waves: [
      { name: "@canary", hosts: ["web-1"], soakMs: 0, pauseMs: 0, gate: null },
      { name: "rest", hosts: ["web-2"], soakMs: 0, pauseMs: 0, gate: null },
    ],
    hosts: [
      {
        ...{ ...host, host: "web-1", status: "changes", change: 0, notices: [LOUD] },
        ...{ from: { running: null, profile: null, generation: null, secrets: "" } },
        ...{ to: { toplevel: null, closure: null, generation: null, secrets: "" } },
        ...{ copy: { paths: 0, bytes: 0 }, closureSize: { before: null, after: null } },
      },
      { ...host, host: "web-2", status: "failed", error: { code: "activation/probe", message: LOUD } },
    ],
    changes: [
      {
        ...{ packages: [], units: { stop: [], reload: [], restart: [], start: [] }, said: [LOUD] },
        ...{ hooks: { before: [], after: [] }, etc: null, reboot: null },
        secrets: { added: [], changed: [], mayChange: [], broughtAgain: [], removed: [] },
      },
    ],
  } as unknown as FleetPlan;
  const text = planMarkdown(plan);
  expect(text.match(/admins/g)).toHaveLength(3);
  // Without its code, as CommonMark reads that, nothing of it is left.
  const withoutCode = text.replaceAll(/(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, "");
  expect(withoutCode).not.toMatch(/admins|canary|example\.org|#1|<img|!\[/);
  expect(withoutCode.replaceAll("&#64;", "@").replace("by ann@laptop", "")).not.toContain("@");
});
