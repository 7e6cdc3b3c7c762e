import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Chunk, ChunkEnd, GivenUp } from "../../src/nix/evaluation-queue.ts";
import { queueEvaluations } from "../../src/nix/evaluation-queue.ts";
import type { EvaluationRequest, PlannedEvaluation } from "../../src/nix/system-request.ts";
import { planEvaluation } from "../../src/nix/system-request.ts";
import { named } from "./fixture.ts";

const fits = { evaluators: 1, memoryMiB: 100_000 };

function plan(hosts: readonly string[], flake = "."): PlannedEvaluation[] {
  return hosts.map((host) => planEvaluation(named(host), { kind: "nix-flake", flake, attribute: undefined }, "/fleet"));
}

function hostsOf(requests: readonly EvaluationRequest[] | undefined): string[] | undefined {
  return requests?.map(({ host }) => host);
}

/** Ends a chunk as an evaluator does that reported so many requests and had, perhaps, begun the one after them. */
function end(chunk: Chunk, how: ChunkEnd["how"], reported: number, begun = true): readonly GivenUp[] {
  const [next, ...after] = chunk.requests.slice(reported);
  if (next === undefined) return chunk.finish({ how: "done", begun: undefined, untouched: [] });
  return chunk.finish(
    begun ? { how, begun: next, untouched: after } : { how, begun: undefined, untouched: [next, ...after] },
  );
}

describe("queueEvaluations()", () => {
  it("gives one evaluator all hosts of a flake, then those of the next", () => {
    const queue = queueEvaluations([...plan(["web-1", "db-1"]), ...plan(["edge"], "./edge"), ...plan(["web-2"])], fits);
    const first = queue.take();
    expect(hostsOf(first?.requests)).toEqual(["web-1", "db-1", "web-2"]);
    expect(first && end(first, "done", 3)).toEqual([]);
    expect(hostsOf(queue.take()?.requests)).toEqual(["edge"]);
  });

  it("shares hosts among the evaluators there may be, and hands out no more chunks than those", () => {
    const queue = queueEvaluations(plan(["web-1", "web-2", "web-3", "web-4"]), { ...fits, evaluators: 2 });
    expect(queue.take()?.requests).toHaveLength(2);
    expect(queue.take()?.requests).toHaveLength(1);
    expect(queue.take()).toBeUndefined();
  });

  it("gives up the host Nix failed at and puts back those after it", () => {
    const queue = queueEvaluations(plan(["web-1", "db-1", "edge"]), fits);
    const chunk = queue.take()!;
    expect(hostsOf(end(chunk, "failed", 1).map(({ request }) => request))).toEqual(["db-1"]);
    expect(hostsOf(queue.take()?.requests)).toEqual(["edge"]);
  });

  it("gives up all hosts of a flake of which not even the first was begun", () => {
    const queue = queueEvaluations([...plan(["web-1", "db-1"]), ...plan(["edge"], "./edge")], fits);
    expect(hostsOf(end(queue.take()!, "failed", 0, false).map(({ request }) => request))).toEqual(["web-1", "db-1"]);
    expect(hostsOf(queue.take()?.requests)).toEqual(["edge"]);
  });

  it("gives up those of a broken flake that still wait, too", () => {
    const queue = queueEvaluations(plan(["web-1", "web-2", "web-3", "web-4"]), { ...fits, evaluators: 2 });
    const chunk = queue.take()!;
    expect(chunk.requests).toHaveLength(2);
    expect(end(chunk, "failed", 0, false)).toHaveLength(4);
    expect(queue.take()).toBeUndefined();
  });

  it("halves the chunks when memory ran out, and gives up a host that starves alone", () => {
    const queue = queueEvaluations(plan(["web-1", "web-2", "web-3", "web-4", "web-5", "web-6"]), fits);
    expect(end(queue.take()!, "out-of-memory", 2)).toEqual([]);
    const second = queue.take()!;
    expect(hostsOf(second.requests)).toEqual(["web-3", "web-4", "web-5"]);
    expect(end(second, "out-of-memory", 0)).toMatchObject([{ request: { host: "web-3" }, why: "starved" }]);
    expect(hostsOf(queue.take()?.requests)).toEqual(["web-4"]);
  });

  it("tries a host again that starved beside others, with fewer evaluators", () => {
    const queue = queueEvaluations(plan(["web-1", "web-2"]), { ...fits, evaluators: 2 });
    const [first, second] = [queue.take()!, queue.take()!];
    expect(end(first, "out-of-memory", 0)).toEqual([]);
    expect(queue.take()).toBeUndefined();
    end(second, "done", 1);
    expect(hostsOf(queue.take()?.requests)).toEqual(["web-1"]);
  });

  it("ends an evaluator that has no room for another host, and gives the next no more than fit", () => {
    const queue = queueEvaluations(plan(["web-1", "web-2", "web-3", "web-4", "web-5"]), {
      evaluators: 1,
      memoryMiB: 1_000,
    });
    const chunk = queue.take()!;
    expect(chunk.requests).toHaveLength(5);
    expect(chunk.isFull({ position: 0, residentMiB: 400, previousMiB: 0 })).toBe(false);
    expect(chunk.isFull({ position: 1, residentMiB: 750, previousMiB: 400 })).toBe(true);
    expect(end(chunk, "stopped", 2)).toEqual([]);
    expect(hostsOf(queue.take()?.requests)).toEqual(["web-3", "web-4"]);
  });

  it("settles every host exactly once, whatever becomes of the evaluators", () => {
    const hosts = Array.from({ length: 12 }, (_, index) => `web-${String(index)}`);
    const fate = fc.record({
      how: fc.constantFrom("done", "stopped", "out-of-memory", "failed"),
      reported: fc.nat({ max: 12 }),
      begun: fc.boolean(),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fate, { maxLength: 40 }), (evaluators, fates) => {
        const queue = queueEvaluations(plan(hosts), { evaluators, memoryMiB: 1_000 });
        const out: Chunk[] = [];
        const settled: string[] = [];
        const next = fates[Symbol.iterator]();
        for (;;) {
          for (let chunk = queue.take(); chunk !== undefined; chunk = queue.take()) out.push(chunk);
          if (out.length === 0) break;
          const { how, reported, begun, which } = next.next().value ?? {
            how: "done",
            reported: 12,
            begun: true,
            which: 0,
          };
          const [chunk] = out.splice(which % out.length, 1);
          const { requests } = chunk!;
          // An evaluator is only stopped when it got somewhere, and only done when it got everywhere.
          const count =
            how === "done" ? requests.length : Math.min(requests.length, how === "stopped" ? reported + 1 : reported);
          settled.push(...requests.slice(0, count).map(({ host }) => host));
          settled.push(...end(chunk!, how, count, begun).map(({ request }) => request.host));
        }
        expect(settled.sort()).toEqual([...hosts].sort());
      }),
    );
  });
});
