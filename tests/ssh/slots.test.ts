import { describe, expect, it } from "vitest";
import { createSlots } from "../../src/ssh/connection/slots.ts";

const never = new AbortController().signal;

describe("createSlots()", () => {
  it("gives places in the order they were asked for, and no more than there are", async () => {
    const slots = createSlots(2);
    const order: string[] = [];
    const first = await slots.take(never);
    await slots.take(never);
    const third = slots.take(never).then((release) => (order.push("third"), release));
    const fourth = slots.take(never).then(() => order.push("fourth"));
    await Promise.resolve();
    expect(order).toEqual([]);
    first();
    first();
    (await third)();
    await fourth;
    expect(order).toEqual(["third", "fourth"]);
  });

  it("passes on the turn of one who gave up waiting", async () => {
    const slots = createSlots(1);
    const release = await slots.take(never);
    const impatient = new AbortController();
    const gaveUp = slots.take(impatient.signal);
    const patient = slots.take(never);
    impatient.abort(new Error("tired"));
    await expect(gaveUp).rejects.toThrow("tired");
    release();
    (await patient)();
  });

  it("passes on the turn that came in the moment its owner gave up", async () => {
    const slots = createSlots(1);
    const release = await slots.take(never);
    const impatient = new AbortController();
    const gaveUp = slots.take(impatient.signal);
    impatient.abort(new Error("tired"));
    release();
    await expect(gaveUp).rejects.toThrow("tired");
    (await slots.take(never))();
  });
});
