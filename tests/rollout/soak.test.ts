import { expect, it } from "vitest";
import { acquireLease, turnBackAgent } from "#activation";
import { logIn } from "../sandbox/log-in.ts";
import { startOneHost } from "./one-host.ts";

it("a soak ends when the host has gone back: what soaks is the old system", { timeout: 60_000 }, async () => {
  await using web = await startOneHost();
  await web.deploy({ release: "v1" });
  const old = web.running();
  let taking: Promise<unknown> | undefined;
  const report = await web.deploy(
    { release: "v2", soak: "30m" },
    {
      onEvent(event) {
        const soaks =
          event.type === "step-progress" && "message" in event && event.message?.startsWith("soaking") === true;
        if (soaks) taking ??= takeOver();
      },
    },
  );
  await taking;
  expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/lease-lost" } });
  expect(web.running()).toBe(old);

  async function takeOver(): Promise<void> {
    await using connection = await logIn(web.machine);
    const access = { runner: connection, root: web.machine.root };
    const request = { run: "20260131-142501-3f9a", owner: "ann@laptop", reason: "tea", ttlMs: 1_000, steal: true };
    const { takenFrom } = await acquireLease(access, request);
    if (takenFrom === undefined) throw new Error("nobody held the host");
    await turnBackAgent(access, { run: takenFrom.run, timeoutMs: 20_000 });
  }
});
