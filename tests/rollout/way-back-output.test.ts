import { expect, it } from "vitest";
import type { Step } from "#rollout";
import { startOneHost } from "./one-host.ts";

const CAUSE = "the database cannot be migrated";

it.each([
  { action: "test", step: "test" },
  { action: "boot", step: "commit" },
] as const)(
  "what the way back prints is no part of what failed, though it comes at once: $action",
  { timeout: 60_000 },
  async ({ action, step }) => {
    await using host = await startOneHost();
    const old = (await host.deploy({ release: "v1" })).to ?? "";
    const wanted = (await host.deploy({ release: "v2" }, { goal: "push" })).to ?? "";
    host.beforeSwitch(wanted, `[ "$1" != ${action} ] || { echo "${CAUSE}"; exit 3; }`);
    host.beforeSwitch(old, "for number in 1 2 3 4 5 6 7 8 9 10 11 12; do echo going back $number; done");
    expect(await host.deploy({ release: "v2" })).toMatchObject({ outcome: "rolled-back" });
    const linesOf = (which: Step): readonly string[] =>
      host.events.flatMap((event) => (event.type === "log" && event.step === which ? [event.line] : []));
    expect(linesOf(step).at(-1)).toBe(CAUSE);
    expect(linesOf(step).join()).not.toContain("going back");
    expect(linesOf("roll-back").filter((line) => line.startsWith("going back")).length).toBeGreaterThanOrEqual(12);
  },
);
