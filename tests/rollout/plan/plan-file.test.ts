import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FleetPlan } from "#rollout";
import { formatPlan, parsePlan } from "#rollout";
import { policy } from "../policy.ts";

const PLAN = {
  ...{ v: 1, kind: "skep-plan", id: "20260131-142501-3f9a", goal: "switch", hive: "fleet", madeBy: "ann@laptop" },
  ...{ madeAt: "2026-01-31T14:25:01.000Z", revision: { name: "fleet", revision: null, dirty: false }, reboot: "never" },
  ...{ policy: policy({}), waves: [{ name: "rest", hosts: ["web-1"], soakMs: 0, pauseMs: 0, gate: null }] },
  hosts: [
    {
      ...{ host: "web-1", wave: "rest", target: { host: "web-1", user: null, port: null, root: "" }, after: [] },
      status: "changes",
      from: { running: null, profile: null, generation: null, secrets: "none" },
      to: {
        toplevel: "/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-système".replace("è", "e"),
        closure: "00",
        generation: 1,
        secrets: "none",
      },
      ...{
        change: 0,
        copy: { paths: 1, bytes: 120 },
        closureSize: { before: 0, after: 120 },
        notices: ["1 GiB → 2 GiB"],
      },
    },
  ],
  changes: [],
} as unknown as FleetPlan;
const SIGNATURE = "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n";

describe("a plan's file", () => {
  it("is read as it was written, signed or not", () => {
    const unsigned = parsePlan(formatPlan(PLAN));
    expect(unsigned).toMatchObject({ plan: JSON.parse(JSON.stringify(PLAN)) as FleetPlan, signature: undefined });
    expect(unsigned.signedText).toBe(formatPlan(PLAN));
    const signed = parsePlan(formatPlan(PLAN, { signature: SIGNATURE }));
    expect(signed).toEqual({ ...unsigned, signature: SIGNATURE });
  });

  it("altered by one byte, anywhere, is refused", () => {
    const bytes = Buffer.from(formatPlan(PLAN));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        const altered = Buffer.from(bytes);
        altered[at] = (bytes[at] ?? 0) ^ difference;
        expect(() => parsePlan(altered.toString())).toThrow(/altered|is not a plan/);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ["a byte more at its end", (text: string) => `${text} `],
    ["a byte less", (text: string) => text.slice(0, -1)],
    ["indented otherwise", (text: string) => JSON.stringify(JSON.parse(text))],
    ["with a field twice", (text: string) => text.replace('  "v": 1,', '  "v": 1,\n  "v": 1,')],
    ["with a field more", (text: string) => text.replace('  "v": 1,', '  "v": 1,\n  "sign": "x",')],
  ])("%s is refused", (_, alter) => {
    expect(() => parsePlan(alter(formatPlan(PLAN)))).toThrow(expect.objectContaining({ code: "rollout/plan-altered" }));
  });

  it.each([
    ["not JSON", "plan"],
    ["something else", "{}"],
    ["of another version", formatPlan({ ...PLAN, v: 2 } as unknown as FleetPlan)],
    ["with an option where a store path should be", formatPlan(withToplevel("--option"))],
    ["without a revision to write down on hosts", formatPlan({ ...PLAN, revision: null as never })],
    ["with an id that leads out of its folder", formatPlan({ ...PLAN, id: "../.." })],
  ])("%s is no plan, though its digest be right", (_, text) => {
    expect(() => parsePlan(text)).toThrow(expect.objectContaining({ code: "rollout/plan-file" }));
  });
});

function withToplevel(toplevel: string): FleetPlan {
  const [host] = PLAN.hosts;
  if (host?.status !== "changes") throw new Error("the host changes");
  return { ...PLAN, hosts: [{ ...host, to: { ...host.to, toplevel: toplevel as typeof host.to.toplevel } }] };
}
