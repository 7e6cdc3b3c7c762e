import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CheckResult } from "#health";
import { assertHealthy, longestChecksMs, runChecks } from "#health";
import type { Check, CheckInput, CustomCheckOptions } from "#hive";
import { check } from "#hive";
import { made, steppingClock, thisHost } from "./scene.ts";

/** A check that answers by a script, and then as it says `forever`, and when it was asked. */
function scripted(script: readonly boolean[], options: CustomCheckOptions & { forever?: boolean; name?: string } = {}) {
  const { forever = true, name = "scripted", ...timing } = options;
  let at = 0;
  const input = check(name, () => script[at++] ?? forever, timing);
  return { input, asked: () => at };
}

async function run(inputs: readonly CheckInput[], soakMs = 0): Promise<readonly CheckResult[]> {
  return runChecks(inputs.map(made), { host: thisHost, clock: steppingClock(), soakMs });
}

/** What a check with this script must come to, by the rules as they are written. */
function expected(
  script: readonly boolean[],
  { passes, failures, soak }: Record<"passes" | "failures" | "soak", number>,
) {
  let inARow = 0;
  let at = 0;
  while (inARow < passes) inARow = (script[at++] ?? true) ? inARow + 1 : 0;
  if (soak === 0) return { passed: true, attempts: at };
  let bad = 0;
  for (let probes = 1; ; probes += 1) {
    bad = (script[at++] ?? true) ? 0 : bad + 1;
    if (bad >= failures) return { passed: false, attempts: at };
    if (probes >= soak && bad === 0) return { passed: true, attempts: at };
  }
}

describe("runChecks() with consecutive passes and a soak", () => {
  it("for any run of answers passes, fails and stops asking exactly when the rules say so", async () => {
    const cases = fc.record({
      script: fc.array(fc.boolean(), { maxLength: 40 }),
      passes: fc.integer({ min: 1, max: 4 }),
      failures: fc.integer({ min: 1, max: 4 }),
      soak: fc.integer({ min: 0, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ script, passes, failures, soak }) => {
        const { input } = scripted(script, { passes, failures, period: "1s", deadline: "10m" });
        const [result] = await run([input], soak * 1_000);
        expect({ passed: result!.passed, attempts: result!.attempts }).toEqual(
          expected(script, { passes, failures, soak }),
        );
      }),
      { numRuns: 200 },
    );
  });

  it("never takes longer than longestChecksMs() says", async () => {
    const flap = fc.record({
      script: fc.array(fc.boolean(), { maxLength: 60 }),
      forever: fc.boolean(),
      period: fc.integer({ min: 10, max: 20_000 }),
      failures: fc.integer({ min: 1, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(flap, { minLength: 1, maxLength: 3 }), fc.nat(30_000), async (flaps, soakMs) => {
        const clock = steppingClock();
        const checks = flaps.map(({ script, forever, period, failures }, index) =>
          made(scripted(script, { name: `check ${index}`, forever, period, failures, deadline: "20s" }).input),
        );
        await runChecks(checks, { host: thisHost, clock, soakMs });
        expect(clock.monotonic()).toBeLessThanOrEqual(longestChecksMs(checks, { soakMs }));
      }),
      { numRuns: 50 },
    );
  });

  it("begins the soak when the slowest has passed, and probes once a period and at the end", async () => {
    const quick = scripted([], { name: "quick", period: "1s" });
    const slow = scripted([false, false, false, false], { name: "slow", period: "1s" });
    const seen: string[] = [];
    const clock = steppingClock();
    await runChecks([made(quick.input), made(slow.input)], {
      host: thisHost,
      clock,
      soakMs: 2_500,
      onSoak: () => seen.push(`soak at ${clock.monotonic()}`),
      onAttempt: ({ name }) => seen.push(`${name} at ${clock.monotonic()}`),
    });
    expect(seen.filter((line) => !line.startsWith("slow"))).toEqual([
      "quick at 0",
      "soak at 4000",
      "quick at 5000",
      "quick at 6000",
      "quick at 6500",
    ]);
  });

  it("probes at least once in a soak that is shorter than the period", async () => {
    const ill = scripted([true], { forever: false, period: "30s", failures: 1 });
    const [result] = await run([ill.input], 1_000);
    expect(result).toMatchObject({ passed: false, failedInSoak: true, attempts: 2 });
  });

  it("does not soak when a check has failed", async () => {
    const well = scripted([], { name: "well" });
    const ill = scripted([], { name: "ill", forever: false, deadline: "3s" });
    await run([well.input, ill.input], 60_000);
    expect([well.asked(), ill.asked()]).toEqual([1, 3]);
  });

  it("ends the soak of all when one fails, and says how it failed", async () => {
    const well = scripted([], { name: "well" });
    const ill = scripted([true, true, false, false, true], { name: "front page", forever: false });
    const results = await run([well.input, ill.input], 3_600_000);
    expect(results.map(({ passed }) => passed)).toEqual([true, false]);
    expect(well.asked()).toBeLessThan(12);
    expect(() => {
      assertHealthy(results);
    }).toThrow(
      "not healthy: front page (passed, then failed 3 times in a row during the soak: it says no, then it says yes, then it says no)",
    );
  });

  it("ends at once with the caller's reason when the caller aborts the soak", async () => {
    const stop = new AbortController();
    const running = runChecks([made(scripted([]).input)], {
      host: thisHost,
      clock: steppingClock(),
      soakMs: 3_600_000,
      signal: stop.signal,
      onSoak: () => {
        setImmediate(() => {
          stop.abort(new Error("stopped"));
        });
      },
    });
    await expect(running).rejects.toThrow("stopped");
  });

  it("without retries asks once where one failure is enough, and as often as it must where it passes", async () => {
    const flapping = scripted([true, false], { name: "flapping", passes: 3 });
    const steady = scripted([], { name: "steady", passes: 3 });
    const checks: readonly Check[] = [made(flapping.input), made(steady.input)];
    const results = await runChecks(checks, { host: thisHost, clock: steppingClock(), retry: false });
    expect(results.map(({ passed, attempts }) => ({ passed, attempts }))).toEqual([
      { passed: false, attempts: 2 },
      { passed: true, attempts: 3 },
    ]);
  });
});
