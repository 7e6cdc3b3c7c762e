import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DeploymentRecord, HostState } from "#activation";
import { SkepError } from "#core";
import type { StorePath } from "#store";
import type { ReturnWish } from "#rollout";
import { chooseReturn } from "../../src/rollout/back/choose-return.ts";

const system = (name: string): StorePath => `/nix/store/${"0".repeat(32)}-${name}` as StorePath;
const REVISION = "0123456789abcdef0123456789abcdef01234567";

interface Told {
  /** Systems that were deployed one after the other; `<v1` went back to it. */
  readonly deployed: readonly string[];
  readonly running?: string | undefined;
  /** Systems whose generations are there no more. */
  readonly collected?: readonly string[];
  /** Systems of generations before the first deployment. */
  readonly before?: readonly string[];
}

/** A host that had some systems, each deployment a generation. */
function host({ deployed, running, collected = [], before = [] }: Told): HostState {
  const names = [...before, ...deployed.map((word) => word.replace("<", ""))];
  const deployments = deployed.map((word, index) => {
    const at = before.length + index;
    const name = names[at] ?? "";
    return {
      ...{ version: 1, run: `run-${index + 1}`, host: "web-1", goal: "switch", who: "ann@laptop" },
      at: new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString(),
      from: at === 0 ? null : system(names[at - 1] ?? ""),
      to: system(name),
      generation: at + 1,
      hive: { name: "fleet", revision: REVISION, dirty: false },
      ...(word.startsWith("<") ? { rollback: true } : {}),
    } as DeploymentRecord;
  });
  const current = running ?? names.at(-1);
  return {
    facts: { running: current === undefined ? undefined : system(current) } as HostState["facts"],
    ...{ lease: undefined, rebootNeed: undefined },
    deployments: deployments.reverse(),
    generations: names
      .map((name, index) => ({
        ...{ number: index + 1, system: system(name), madeAt: 0, secretSet: undefined },
        isThere: !collected.includes(name),
      }))
      .reverse(),
  };
}

const choose = (told: Told, wish: ReturnWish = "earlier"): string => {
  const { back } = chooseReturn(host(told), { wish, host: "web-1" });
  return back.toplevel.slice(back.toplevel.lastIndexOf("-") + 1);
};
function refusalOf(told: Told, wish: ReturnWish = "earlier"): { code: string; message: string; hint: string } {
  try {
    choose(told, wish);
  } catch (error) {
    if (error instanceof SkepError) return { hint: "", ...error.toJSON() };
    throw error;
  }
  throw new Error("it was not refused");
}

describe("chooseReturn()", () => {
  it.each<Told & { what: string; to: string }>([
    { what: "the one before", deployed: ["v1", "v2", "v3"], to: "v2" },
    { what: "one further back after going back", deployed: ["v1", "v2", "v3", "<v2"], to: "v1" },
    { what: "past what a run took back", deployed: ["v1", "v2", "v3", "<v2", "v4"], to: "v2" },
    { what: "past a deployment of the same once more", deployed: ["v1", "v2", "v2"], to: "v1" },
    { what: "what was forward, after going back by hand", deployed: ["v1", "v2", "v3", "<v1", "v2"], to: "v1" },
    { what: "before what runs, where that is not the default", deployed: ["v1", "v2", "v3"], running: "v2", to: "v1" },
    { what: "the last deployment, where nobody deployed what runs", deployed: ["v1", "v2"], running: "hand", to: "v2" },
    { what: "what was there before the first", before: ["nixos"], deployed: ["v1"], to: "nixos" },
    { what: "the other, where two take turns", deployed: ["v1", "v2", "v1"], to: "v2" },
  ])("goes back to $what", ({ to, ...told }) => {
    expect(choose(told)).toBe(to);
  });

  it("goes to the system of a generation, and to what a run brought, also forward", () => {
    const told = { deployed: ["v1", "v2", "<v1"] };
    expect(choose(told, { generation: 2 })).toBe("v2");
    expect(choose(told, { run: "run-2" })).toBe("v2");
    expect(chooseReturn(host(told), { wish: { generation: 1 }, host: "web-1" })).toMatchObject({
      // The newest of two generations that are the same system.
      generation: 3,
      back: { from: system("v1"), secretSet: "none", hive: { revision: REVISION } },
    });
  });

  it("refuses, with what can be done", () => {
    expect(refusalOf({ deployed: ["v1"] })).toMatchObject({
      code: "rollout/no-earlier",
      hint: expect.stringContaining("skep history --on web-1") as string,
    });
    expect(refusalOf({ deployed: [] })).toMatchObject({ code: "rollout/no-earlier" });
    expect(refusalOf({ deployed: ["v1", "v2"], collected: ["v1"] })).toEqual({
      code: "rollout/collected",
      message: `${system("v1")} was collected: its store does not have it any more`,
      hint: "deploy it anew from revision 0123456789ab; it has the generations 2",
    });
    expect(refusalOf({ deployed: ["v1", "v2"] }, { generation: 7 })).toEqual({
      code: "rollout/no-such-deployment",
      message: "it has no generation 7",
      hint: "it has the generations 1, 2",
    });
    expect(refusalOf({ deployed: ["v1", "v2"] }, { run: "run-3" })).toMatchObject({
      code: "rollout/no-such-deployment",
      hint: 'did you mean "run-2"?',
    });
  });

  it("gets to the first deployment by going back again and again, and never to one that was gone back from", () => {
    const course = fc.array(fc.oneof(fc.constant("deploy"), fc.constant("back")), { maxLength: 20 });
    fc.assert(
      fc.property(course, (actions) => {
        const deployed: string[] = [];
        const stack: string[] = [];
        let version = 0;
        for (const action of ["deploy", ...actions]) {
          if (action === "deploy") {
            version += 1;
            stack.push(`v${version}`);
            deployed.push(`v${version}`);
          } else if (stack.length > 1) {
            stack.pop();
            expect(choose({ deployed })).toBe(stack.at(-1));
            deployed.push(`<${stack.at(-1) ?? ""}`);
          } else {
            expect(refusalOf({ deployed }).code).toBe("rollout/no-earlier");
          }
        }
      }),
    );
  });
});
