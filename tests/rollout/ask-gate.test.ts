import { describe, expect, it } from "vitest";
import type { Clock } from "#core";
import { systemClock } from "#core";
import type { Gate, GateFunction, HostName } from "#hive";
import { askGate } from "../../src/rollout/waves/ask-gate.ts";

const { signal } = new AbortController();
const asked = {
  run: "r-1",
  wave: "@web",
  hosts: ["web-1", "web-2"] as HostName[],
  events: [],
  signal,
  confirm: undefined,
};
const command = (...argv: readonly [string, ...string[]]): Gate => ({ kind: "command", argv, timeoutMs: 5_000 });
const asking = (ask: GateFunction, timeoutMs = 5_000): Gate => ({ kind: "function", ask, timeoutMs });

describe("askGate()", () => {
  it("goes by a command's exit code, and tells what it said last", async () => {
    expect(await askGate(command("true"), asked)).toBeUndefined();
    expect(await askGate(command("sh", "-c", "echo error rate 4%; exit 3"), asked)).toBe(
      "its gate sh ended with exit code 3: error rate 4%",
    );
    expect(await askGate(command("skep-no-such-program"), asked)).toMatch(/^its gate failed: .*ENOENT/);
  });

  it("counts the time of a function on the clock of the run", async () => {
    const clock: Clock = {
      ...systemClock,
      after(ms, work) {
        expect(ms).toBe(3_600_000);
        setImmediate(work);
        return { cancel: () => undefined };
      },
    };
    const hangs = asking(() => new Promise(() => undefined), 3_600_000);
    expect(await askGate(hangs, { ...asked, clock })).toBe("its gate failed: no answer within 1 h 00 min");
  });

  it("tells a command the run, the wave and its hosts", async () => {
    const script = '[ "$SKEP_RUN:$SKEP_WAVE:$SKEP_HOSTS" = "r-1:@web:web-1 web-2" ]';
    expect(await askGate(command("sh", "-c", script), asked)).toBeUndefined();
  });

  it("ends a command that takes too long", async () => {
    expect(await askGate({ kind: "command", argv: ["sleep", "60"], timeoutMs: 50 }, asked)).toMatch(
      /^its gate failed: sleep was ended by SIGTERM/,
    );
  });

  it("takes true and nothing for yes, false and a reason for no, and an error for no", async () => {
    expect(
      await askGate(
        asking(() => true),
        asked,
      ),
    ).toBeUndefined();
    expect(
      await askGate(
        asking(() => undefined),
        asked,
      ),
    ).toBeUndefined();
    expect(
      await askGate(
        asking(() => Promise.resolve("the error rate is up")),
        asked,
      ),
    ).toBe("its gate says: the error rate is up");
    expect(
      await askGate(
        asking(() => false),
        asked,
      ),
    ).toBe("its gate says no");
    expect(
      await askGate(
        asking(() => {
          throw new Error("no metrics");
        }),
        asked,
      ),
    ).toBe("its gate failed: no metrics");
    expect(
      await askGate(
        asking(() => new Promise(() => undefined), 20),
        asked,
      ),
    ).toBe("its gate failed: no answer within 0.0 s");
  });

  it("asks a person, and refuses where there is none", async () => {
    const confirm: Gate = { kind: "confirm" };
    expect(await askGate(confirm, asked)).toBe("it wants to be confirmed, and there is nobody to ask");
    const questions: string[] = [];
    const answer = (yes: boolean) => (question: string) => {
      questions.push(question);
      return Promise.resolve(yes);
    };
    expect(await askGate(confirm, { ...asked, confirm: answer(true) })).toBeUndefined();
    expect(await askGate(confirm, { ...asked, confirm: answer(false) })).toBe("the operator said no");
    expect(questions[0]).toBe("begin wave @web (2 hosts: web-1, web-2)?");
  });
});
