import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { abortable, startDeadline } from "#core";
import { createVirtualClock } from "#simulation";

describe("createVirtualClock()", () => {
  it("wakes sleepers in the order of their times, and those of one time in their own", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(50)), async (times) => {
        const clock = createVirtualClock(1_000);
        const woken: (readonly [atMs: number, index: number])[] = [];
        await clock.runUntil(
          Promise.all(
            times.map(async (ms, index) => {
              await clock.sleep(ms);
              woken.push([clock.monotonic(), index]);
            }),
          ),
        );
        const wanted = times.map((ms, index) => [ms, index] as const);
        expect(woken).toEqual(wanted.sort((one, other) => one[0] - other[0] || one[1] - other[1]));
        expect(clock.now()).toBe(1_000 + Math.max(0, ...times));
      }),
    );
  });

  it("lets a sleeper go when its signal aborts, with the signal's reason", async () => {
    const clock = createVirtualClock(0);
    const stop = new AbortController();
    clock.after(5, () => {
      stop.abort(new Error("enough"));
    });
    await expect(clock.runUntil(clock.sleep(10, { signal: stop.signal }))).rejects.toThrow("enough");
    expect(clock.monotonic()).toBe(5);
  });

  it("stands still while real work is under way", async () => {
    const clock = createVirtualClock(0);
    let isDone = false;
    clock.after(1, () => {
      expect(isDone).toBe(true);
    });
    const work = clock.outside(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      isDone = true;
    });
    await clock.runUntil(work.then(() => clock.sleep(2)));
  });

  it("does not stand still for ever for what never ends", async () => {
    const clock = createVirtualClock(0, { patienceMs: 20 });
    const hangs = clock.outside(() => new Promise(() => undefined));
    using deadline = startDeadline(300_000, { clock, reason: () => new Error("too late") });
    await expect(clock.runUntil(abortable(hangs, deadline.signal))).rejects.toThrow("too late");
    expect(clock.monotonic()).toBe(300_000);
  });

  it("says so when nothing can happen any more", async () => {
    const clock = createVirtualClock(0);
    await expect(clock.runUntil(new Promise(() => undefined))).rejects.toThrow("waits for something that never comes");
  });
});
