import { beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#core";
import { parseHive, system } from "#hive";
import type { RolloutHappening } from "#rollout";
import { evaluate } from "../../src/rollout/prepare/prepare-nix-systems.ts";
import { fileRequest, needsNix, nixFixture } from "../nix/fixture.ts";

describe("evaluate()", () => {
  beforeEach(needsNix);

  it("tells how long a host took whose evaluation ended before Nix came to any", async () => {
    await using fixture = await nixFixture();
    const file = await fixture.write("broken.nix", "{ web-1 = ");
    // It goes on by a second whenever it is looked at.
    let seconds = 0;
    const clock = { ...systemClock, monotonic: () => (seconds += 1) * 1_000 };
    const happenings: RolloutHappening[] = [];
    await evaluate(fixture.nix, [fileRequest("web-1", file)], {
      directory: fixture.directory,
      limits: parseHive({ hosts: { "web-1": { system: system({}) } } }, { directory: "/" }).limits,
      emit: (happening) => void happenings.push(happening),
      clock,
      signal: new AbortController().signal,
    });
    const failed = happenings.filter(({ type }) => type === "step-failed");
    expect(failed).toEqual([expect.objectContaining({ host: "web-1", step: "evaluate", durationMs: 1_000 })]);
  });
});
