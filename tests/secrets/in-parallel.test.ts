import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { inParallel } from "../../src/secrets/in-parallel.ts";

function busyFor(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe("inParallel()", () => {
  it("gives what was made of each item, in order, so many at one time", async () => {
    let now = 0;
    let most = 0;
    const made = await inParallel(
      [5, 1, 3, 0, 2],
      async (turns) => {
        most = Math.max(most, (now += 1));
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        now -= 1;
        return turns * 2;
      },
      { limit: 2 },
    );
    expect(made).toEqual([10, 2, 6, 0, 4]);
    expect(most).toBe(2);
  });

  it("lets others have their turns while its work never waits", async () => {
    const turns = new Set<number>();
    let done = 0;
    const other = setInterval(() => turns.add(done), 1);
    await inParallel(Array.from({ length: 20 }), () => {
      busyFor(10);
      done += 1;
    });
    clearInterval(other);
    expect([...turns].some((at) => at > 0 && at < 20)).toBe(true);
  });

  it("begins nothing new after the first failure, or when it is told to stop", async () => {
    const begun: number[] = [];
    const fails = inParallel(
      [0, 1, 2, 3],
      (item) => {
        begun.push(item);
        if (item === 1) throw new Error("no room");
      },
      { limit: 1 },
    );
    await expect(fails).rejects.toThrow("no room");
    expect(begun).toEqual([0, 1]);

    let finish = (): void => undefined;
    const last = new Promise<void>((resolve) => (finish = resolve));
    const others = inParallel(
      [2, 3, 4],
      (item) => {
        begun.push(item);
        return item === 2 ? Promise.reject(new Error("no room")) : last;
      },
      { limit: 2 },
    );
    await expect(others).rejects.toThrow("no room");
    finish();
    await nextTurn();
    expect(begun).toEqual([0, 1, 2, 3]);

    begun.length = 0;
    const stop = new AbortController();
    const stopped = inParallel(
      [0, 1, 2, 3],
      (item) => {
        begun.push(item);
        // The turn of others comes after it, and one of them says so.
        busyFor(25);
        setImmediate(() => {
          stop.abort(new Error("enough"));
        });
      },
      { limit: 1, signal: stop.signal },
    );
    await expect(stopped).rejects.toThrow("enough");
    expect(begun).toEqual([0]);
  });
});
