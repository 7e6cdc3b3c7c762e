import { z } from "zod";
import { commandLine, duration, either, exactly } from "../words.ts";
import type { Gate, GateFunction } from "./rollout-policy.ts";

const TIMEOUT_MS = 300_000;
const EXPECTED = 'command([…]), an async function, { ask, timeout } or "confirm"';

const timeout = duration(100).optional();
const ask = z.custom<GateFunction>((value) => typeof value === "function", { error: "a function" });

const confirm = z.literal("confirm", { error: EXPECTED }).transform((): Gate => ({ kind: "confirm" }));
const bareFunction = ask.transform((given): Gate => ({ kind: "function", ask: given, timeoutMs: TIMEOUT_MS }));
const timedFunction = exactly({ ask, timeout }, "an object with ask and timeout").transform((gate): Gate => ({
  kind: "function",
  ask: gate.ask,
  timeoutMs: gate.timeout ?? TIMEOUT_MS,
}));
const command = exactly(
  {
    kind: z.literal("command"),
    argv: commandLine("./error-rate-is-low", "--quiet"),
    timeout,
    on: z.literal("operator", { error: '"operator" or nothing, for a gate is asked on this machine' }).optional(),
  },
  "a gate, which is asked once",
  // What a command check takes beside these.
  ["name", "period", "deadline", "passes", "failures", "required", "argv", "timeout", "on"],
).transform(({ argv, timeout: timeoutMs = TIMEOUT_MS }): Gate => ({ kind: "command", argv, timeoutMs }));

/** `GateInput` → {@link Gate}. */
export const gateSchema: z.ZodType<Gate> = either((value) => {
  if (typeof value === "function") return bareFunction;
  if (typeof value !== "object" || value === null) return confirm;
  if ("ask" in value) return timedFunction;
  return "kind" in value && value.kind === "command" ? command : confirm;
});
