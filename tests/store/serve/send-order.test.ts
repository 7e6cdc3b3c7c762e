import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StorePath } from "#store";
import { SendOrder } from "../../../src/store/serve/send-order.ts";
import { anyClosure, pathInfo, storePath } from "../closures.ts";

describe("SendOrder", () => {
  it("never sends a path whose references are neither acknowledged nor ahead on the same channel", () => {
    fc.assert(
      fc.property(
        anyClosure,
        fc.integer({ min: 1, max: 8 }),
        fc.infiniteStream(fc.nat(1_000)),
        (closure, channels, dice) => {
          const order = new SendOrder(closure.paths, channels);
          const ahead: StorePath[][] = Array.from({ length: channels }, () => []);
          const acknowledged = new Set<StorePath>();
          const sentOn = new Map<StorePath, number>();
          const roll = (sides: number): number => (dice.next().value as number) % sides;
          let idle = 0;
          while (acknowledged.size < closure.paths.length) {
            const channel = roll(channels);
            const oldest = ahead[channel]?.[0];
            if (roll(3) === 0 && oldest !== undefined) {
              ahead[channel]?.shift();
              acknowledged.add(oldest);
              order.acknowledge(oldest);
              idle = 0;
              continue;
            }
            const info = order.take(channel);
            idle += 1;
            if (info === undefined) {
              expect(idle).toBeLessThan(10_000);
              continue;
            }
            idle = 0;
            for (const reference of info.references) {
              const fine = reference === info.path || acknowledged.has(reference) || sentOn.get(reference) === channel;
              expect(fine).toBe(true);
            }
            expect(sentOn.has(info.path)).toBe(false);
            sentOn.set(info.path, channel);
            ahead[channel]?.push(info.path);
          }
          expect(sentOn.size).toBe(closure.paths.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("sends everything without waiting for an answer when there is one channel", () => {
    fc.assert(
      fc.property(anyClosure, (closure) => {
        const order = new SendOrder(closure.paths, 1);
        const sent = closure.paths.map(() => order.take(0)?.path);
        expect(new Set(sent).size).toBe(closure.paths.length);
        expect(sent).not.toContain(undefined);
      }),
    );
  });

  it("keeps a path on the channel of its reference until that is acknowledged, then lets any have it", () => {
    const order = new SendOrder([pathInfo("web"), pathInfo("system", ["web"])], 2);
    expect(order.take(1)?.path).toBe(storePath("web"));
    expect(order.take(0)).toBeUndefined();
    order.acknowledge(storePath("web"));
    expect(order.take(0)?.path).toBe(storePath("system"));
    expect(order.take(1)).toBeUndefined();
  });

  it("starts large paths before small ones", () => {
    const order = new SendOrder([pathInfo("web"), pathInfo("kernel", [], 64 * 1024 * 1024)], 2);
    expect(order.take(0)?.path).toBe(storePath("kernel"));
  });

  it("lets everyone go when it is stopped", async () => {
    const order = new SendOrder([pathInfo("web"), pathInfo("system", ["web"])], 2);
    order.take(0);
    const waiting = order.next(1);
    order.stop();
    expect(await waiting).toBeUndefined();
    expect(await order.next(0)).toBeUndefined();
  });
});
