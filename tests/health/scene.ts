import { connect } from "node:net";
import type { Clock } from "#core";
import { systemClock } from "#core";
import type { CheckedHost } from "#health";
import type { Check, CheckInput } from "#hive";
import { nixos, parseHive } from "#hive";
import { localRunner } from "../local-runner.ts";

/** This machine as a host: its `sh`, and its loopback. */
export const thisHost: CheckedHost = {
  name: "web-1",
  address: "127.0.0.1",
  runner: localRunner,
  forward: ({ host: to, port }) => Promise.resolve(connect({ host: to, port })),
};

/** A check as the hive makes it, with every default filled in. */
export function made(input: CheckInput): Check {
  const hive = parseHive(
    { hosts: { "web-1": { system: nixos({ flake: "github:o/r" }), checks: [input] } } },
    { directory: "/hive" },
  );
  const [check] = hive.hosts[0]!.checks;
  return check!;
}

/** Time that passes only by sleeping: who sleeps shorter wakes earlier. */
export function steppingClock(): Clock {
  let now = 0;
  let sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  let isTurning = false;
  const turn = (): void => {
    isTurning = false;
    const next = sleepers.reduce<(typeof sleepers)[number] | undefined>(
      (first, other) => (first !== undefined && first.at <= other.at ? first : other),
      undefined,
    );
    if (next === undefined) return;
    sleepers = sleepers.filter((sleeper) => sleeper !== next);
    now = Math.max(now, next.at);
    next.wake();
    schedule();
  };
  // What is awake goes on until it sleeps or waits for the outside.
  const schedule = (): void => {
    if (isTurning) return;
    isTurning = true;
    setImmediate(turn);
  };
  return {
    now: () => now,
    // What answers is real, and so is the time it may take.
    after: (...timer) => systemClock.after(...timer),
    monotonic: () => now,
    sleep(ms, { signal } = {}) {
      return new Promise((resolve, reject) => {
        const abort = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal?.reason as Error);
        };
        const sleeper = {
          at: now + ms,
          wake: () => {
            signal?.removeEventListener("abort", abort);
            resolve();
          },
        };
        if (signal?.aborted) {
          reject(signal.reason as Error);
          return;
        }
        signal?.addEventListener("abort", abort, { once: true });
        sleepers.push(sleeper);
        schedule();
      });
    },
  };
}
