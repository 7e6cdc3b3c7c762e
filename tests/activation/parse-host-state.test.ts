import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHostState } from "../../src/activation/read-host-state.ts";

const system = (name: string): string => `/nix/store/${"0".repeat(32)}-${name}`;
const RECORD = {
  ...{ version: 1, run: "20260131-142501-3f9a", host: "web-1", goal: "switch", who: "ann@laptop" },
  ...{ at: "2026-01-31T14:25:06.000Z", from: null, to: system("v1"), generation: 1 },
  hive: { name: "fleet", revision: null, dirty: false },
};
// By another operator, whose clock is behind.
const LATER = { ...RECORD, run: "20260131-142019-0160", at: "2026-01-31T14:20:20.000Z", rollback: true };

const ANSWER = `uid=0
running=${system("v1")}
profile_link=skep-2-link
profile_system=${system("v2")}
boot_id=5f1c
probe=complete
holder.run=20260131-143155-41d2
holder.owner=ann@laptop
holder.reason=skep deploy switch
holder.taken=1769869916
holder.left=-3
record=${JSON.stringify(LATER)}
record=${JSON.stringify(RECORD)}
generation=1\t${system("v1")}\t1769869506\tyes\tset-1
generation=10\t${system("v2")}\t\t\t
part=kernel\t${system("linux-6.1")}\t${system("linux-6.6")}
need=complete
`;

describe("parseHostState()", () => {
  it("reads everything a host says, the newest first", () => {
    const state = parseHostState(ANSWER, { root: "" });
    expect(state.facts).toMatchObject({ running: system("v1"), profile: { generation: 2, system: system("v2") } });
    expect(state.facts.lease).toMatchObject({ run: "20260131-143155-41d2", owner: "ann@laptop", expiresInMs: -3_000 });
    expect(state.deployments).toEqual([LATER, RECORD]);
    expect(state.generations).toEqual([
      { number: 10, system: system("v2"), madeAt: undefined, isThere: false, secretSet: undefined },
      { number: 1, system: system("v1"), madeAt: 1_769_869_506_000, isThere: true, secretSet: "set-1" },
    ]);
    expect(state.rebootNeed?.parts).toEqual([{ part: "kernel", from: "6.1", to: "6.6" }]);
  });

  it("takes what is not there for not there, and passes over what is no record and no generation of ours", () => {
    const odd = [
      "record={",
      "record=[]",
      'record={"version":1}',
      `record=${JSON.stringify({ ...RECORD, to: "/etc" })}`,
      `record=${JSON.stringify({ ...RECORD, at: "yesterday" })}`,
    ];
    const text = ["uid=0", ...odd, "generation=3\t/tmp/image\t\tyes\t", "probe=complete", ""].join("\n");
    expect(parseHostState(text, { root: "" })).toMatchObject({
      ...{ facts: { lease: undefined }, rebootNeed: undefined, deployments: [], generations: [] },
    });
  });

  it("has no instant that cannot be shown, whatever a host says of its clock", () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom("soon", "1e300", "-", ""), fc.string(), fc.double().map(String)), (time) => {
        const answer = ANSWER.replaceAll(/(?<=\.taken=|left=|\t)-?\d+$|(?<=\t)\d{10}(?=\t)/gm, () =>
          time.replaceAll(/[\s]/g, ""),
        );
        const { facts, generations } = parseHostState(answer, { root: "" });
        const times = [facts.lease?.takenAt, facts.lease?.expiresInMs, ...generations.map(({ madeAt }) => madeAt ?? 0)];
        for (const ms of times) expect(() => new Date(ms ?? 0).toISOString()).not.toThrow();
      }),
    );
  });

  it("reads as many records as hosts keep, however many are told", () => {
    const many = Array.from({ length: 1_000 }, (_, at) => `record=${JSON.stringify({ ...RECORD, run: `run-${at}` })}`);
    const { deployments } = parseHostState(["uid=0", ...many, "probe=complete", ""].join("\n"), { root: "" });
    expect(deployments.map(({ run }) => run)).toEqual(Array.from({ length: 50 }, (_, at) => `run-${at}`));
  });

  it("never fails over records that a host made up", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, text) => {
        const lines = [`record=${JSON.stringify(value)}`, `record=${text}`, `generation=${text}`];
        parseHostState(["uid=0", "probe=complete", ...lines.flatMap((line) => line.split("\n")), ""].join("\n"), {
          root: "/image",
        });
      }),
    );
  });
});
