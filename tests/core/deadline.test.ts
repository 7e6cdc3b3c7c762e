import { describe, expect, it } from "vitest";
import type { Clock } from "#core";
import { abortable, startDeadline, systemClock } from "#core";

const late = (): Error => new Error("too late");

describe("startDeadline()", () => {
  it("aborts with its own reason when the time is over", async () => {
    using deadline = startDeadline(5, { reason: late });
    await expect(abortable(new Promise(() => undefined), deadline.signal)).rejects.toThrow("too late");
  });

  it("aborts with the outer signal's reason when that comes first, or came before", async () => {
    const outer = new AbortController();
    using deadline = startDeadline(60_000, { signal: outer.signal, reason: late });
    outer.abort(new Error("stopped"));
    await expect(abortable(new Promise(() => undefined), deadline.signal)).rejects.toThrow("stopped");
    using second = startDeadline(60_000, { signal: outer.signal, reason: late });
    expect(second.signal.aborted).toBe(true);
  });

  it("counts on the clock it is given, and leaves no timer behind there", async () => {
    const timers: (readonly [ms: number, work: () => void])[] = [];
    const clock: Clock = {
      ...systemClock,
      after(...timer) {
        timers.push(timer);
        return { cancel: () => timers.splice(timers.indexOf(timer), 1) };
      },
    };
    using deadline = startDeadline(3_600_000, { clock, reason: late });
    startDeadline(5, { clock, reason: late })[Symbol.dispose]();
    expect(timers.map(([ms]) => ms)).toEqual([3_600_000]);
    timers[0]?.[1]();
    await expect(abortable(new Promise(() => undefined), deadline.signal)).rejects.toThrow("too late");
  });

  it("never aborts once disposed of", async () => {
    const deadline = startDeadline(5, { reason: late });
    deadline[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(deadline.signal.aborted).toBe(false);
  });
});

describe("abortable()", () => {
  it("settles as the work does when nothing aborts", async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve("done"), signal)).resolves.toBe("done");
    await expect(abortable(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
  });
});
