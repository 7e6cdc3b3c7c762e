import { describe, expect, it } from "vitest";
import { abortable, startDeadline } from "#core";

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
