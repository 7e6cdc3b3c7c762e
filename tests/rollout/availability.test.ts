import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HostName } from "#hive";
import type { AvailabilityBound } from "../../src/rollout/waves/availability.ts";
import { createAvailability, NoneLeft } from "../../src/rollout/waves/availability.ts";

const name = (text: string): HostName => text as HostName;
const bound = (of: string, hosts: readonly string[], most: number): AvailabilityBound => ({
  of,
  hosts: new Set(hosts.map(name)),
  most,
});
const { signal } = new AbortController();
const options = { isLost: (lost: boolean) => lost, signal };

describe("createAvailability()", () => {
  it("never lets more hosts be unavailable than any bound allows, and lets all have their turn", async () => {
    const hosts = Array.from({ length: 12 }, (_, index) => `h${index}`);
    const bounds = fc.array(
      fc.record({ hosts: fc.subarray(hosts, { minLength: 1 }), most: fc.integer({ min: 1, max: 5 }) }),
      { maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(
        bounds,
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 12, maxLength: 12 }),
        async (made, durations) => {
          const all = made.map((one, index) => bound(`of ${index}`, one.hosts, one.most));
          const availability = createAvailability(all);
          const away = new Set<HostName>();
          await Promise.all(
            hosts.map((host, index) =>
              availability.during(
                name(host),
                async () => {
                  away.add(name(host));
                  for (const one of all)
                    expect([...away].filter((other) => one.hosts.has(other)).length).toBeLessThanOrEqual(one.most);
                  await sleep(durations[index] ?? 0);
                  away.delete(name(host));
                  return false;
                },
                options,
              ),
            ),
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it("counts a lost host as unavailable from then on, and gives up on those that can get no turn", async () => {
    const availability = createAvailability([bound("of @db", ["db-1", "db-2"], 1)]);
    await availability.during(name("db-1"), () => Promise.resolve(true), options);
    await expect(availability.during(name("db-2"), () => Promise.resolve(false), options)).rejects.toThrow(
      new NoneLeft("as many hosts of @db are stranded as may be unavailable (1)"),
    );
    await expect(availability.during(name("web-1"), () => Promise.resolve(false), options)).resolves.toBe(false);
  });

  it("gives the place of work that threw to the next", async () => {
    const availability = createAvailability([bound("of the run", ["a", "b"], 1)]);
    await expect(availability.during(name("a"), () => Promise.reject(new Error("refused")), options)).rejects.toThrow(
      "refused",
    );
    await expect(availability.during(name("b"), () => Promise.resolve(false), options)).resolves.toBe(false);
  });

  it("does not make a host wait that others' bounds do not concern", async () => {
    const availability = createAvailability([bound("of @db", ["db-1", "db-2"], 1)]);
    const order: string[] = [];
    const slow = availability.during(
      name("db-1"),
      async () => {
        await sleep(20);
        order.push("db-1");
        return false;
      },
      options,
    );
    const held = availability.during(
      name("db-2"),
      () => {
        order.push("db-2");
        return Promise.resolve(false);
      },
      options,
    );
    await availability.during(
      name("web-1"),
      () => {
        order.push("web-1");
        return Promise.resolve(false);
      },
      options,
    );
    await Promise.all([slow, held]);
    expect(order).toEqual(["web-1", "db-1", "db-2"]);
  });

  it("lets one that waits be called away", async () => {
    const availability = createAvailability([bound("of the run", ["a", "b"], 1)]);
    const controller = new AbortController();
    const slow = availability.during(name("a"), () => sleep(30, false), options);
    const waiting = availability.during(name("b"), () => Promise.resolve(false), {
      ...options,
      signal: controller.signal,
    });
    controller.abort(new Error("called away"));
    await expect(waiting).rejects.toThrow("called away");
    await slow;
  });
});
