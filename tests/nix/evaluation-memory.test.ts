import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EvaluationMemory } from "../../src/nix/evaluation-memory.ts";
import { defaultMemoryMiB, hasRoom, learnMemory, nextChunkSize } from "../../src/nix/evaluation-memory.ts";

const mib = fc.integer({ min: 1, max: 64 * 1024 });
const memory = fc.record({ firstHostMiB: mib, nextHostMiB: fc.option(mib, { nil: undefined }) });
const input = fc.record({
  waiting: fc.integer({ min: 1, max: 5_000 }),
  evaluators: fc.integer({ min: 1, max: 16 }),
  budgetMiB: mib,
  memory: fc.option(memory, { nil: undefined }),
  atMost: fc.integer({ min: 1, max: 500 }),
});

describe("nextChunkSize()", () => {
  it("is at least one and never more than wait, than the share, or than what died", () => {
    fc.assert(
      fc.property(input, (given) => {
        const size = nextChunkSize(given);
        expect(Number.isInteger(size)).toBe(true);
        expect(size).toBeGreaterThanOrEqual(1);
        expect(size).toBeLessThanOrEqual(
          Math.max(1, Math.min(given.atMost, Math.ceil(given.waiting / given.evaluators))),
        );
      }),
    );
  });

  it("stays within the budget by what is known, unless one host alone exceeds it", () => {
    fc.assert(
      fc.property(input, memory, (given, known) => {
        const size = nextChunkSize({ ...given, memory: known });
        const expected = known.firstHostMiB + (size - 1) * (known.nextHostMiB ?? known.firstHostMiB);
        expect(size === 1 || expected <= given.budgetMiB).toBe(true);
      }),
    );
  });

  it("does not grow when hosts turn out to be bigger, nor shrink when the budget grows", () => {
    fc.assert(
      fc.property(input, memory, mib, (given, known, more) => {
        const size = nextChunkSize({ ...given, memory: known });
        const bigger: EvaluationMemory = { ...known, nextHostMiB: (known.nextHostMiB ?? known.firstHostMiB) + more };
        expect(nextChunkSize({ ...given, memory: bigger })).toBeLessThanOrEqual(size);
        expect(nextChunkSize({ ...given, memory: known, budgetMiB: given.budgetMiB + more })).toBeGreaterThanOrEqual(
          size,
        );
      }),
    );
  });

  it("gives one evaluator all hosts when they fit", () => {
    const known = { firstHostMiB: 900, nextHostMiB: 300 };
    const given = { waiting: 11, evaluators: 1, memory: known, atMost: 500 };
    expect(nextChunkSize({ ...given, budgetMiB: 12_000 })).toBe(11);
    expect(nextChunkSize({ ...given, budgetMiB: 3_900 })).toBe(11);
    expect(nextChunkSize({ ...given, budgetMiB: 3_899 })).toBe(10);
    expect(nextChunkSize({ ...given, budgetMiB: 100 })).toBe(1);
  });
});

describe("learnMemory()", () => {
  it("keeps the largest it saw, of the first host and of those after it", () => {
    const first = learnMemory(undefined, { position: 0, residentMiB: 800, previousMiB: 0 });
    expect(first).toEqual({ firstHostMiB: 800, nextHostMiB: undefined });
    const second = learnMemory(first, { position: 1, residentMiB: 1_100, previousMiB: 800 });
    expect(second).toEqual({ firstHostMiB: 800, nextHostMiB: 300 });
    const third = learnMemory(second, { position: 2, residentMiB: 1_150, previousMiB: 1_100 });
    expect(third).toEqual({ firstHostMiB: 800, nextHostMiB: 300 });
    expect(learnMemory(third, { position: 0, residentMiB: 900, previousMiB: 0 }).firstHostMiB).toBe(900);
  });

  it("counts an evaluator that shrank as one that grew a little", () => {
    const known = learnMemory(undefined, { position: 0, residentMiB: 800, previousMiB: 0 });
    expect(learnMemory(known, { position: 1, residentMiB: 700, previousMiB: 800 }).nextHostMiB).toBe(1);
  });
});

describe("hasRoom()", () => {
  it("expects of the next host what the largest one added, or all of the first", () => {
    expect(hasRoom(1_000, 2_000, { firstHostMiB: 1_000, nextHostMiB: undefined })).toBe(true);
    expect(hasRoom(1_001, 2_000, { firstHostMiB: 1_000, nextHostMiB: undefined })).toBe(false);
    expect(hasRoom(1_700, 2_000, { firstHostMiB: 1_000, nextHostMiB: 300 })).toBe(true);
    expect(hasRoom(1_701, 2_000, { firstHostMiB: 1_000, nextHostMiB: 300 })).toBe(false);
  });
});

it("defaultMemoryMiB() is some part of this machine's memory", () => {
  expect(defaultMemoryMiB()).toBeGreaterThan(0);
  expect(defaultMemoryMiB() * 2 ** 20).toBeLessThan(process.availableMemory() * 0.75);
});
