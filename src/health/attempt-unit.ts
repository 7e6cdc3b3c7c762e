import type { UnitCheck } from "#hive";
import type { Answer, CheckedHost } from "./attempt.ts";

/** `systemctl is-active` prints one word: active, reloading, inactive, failed, activating or deactivating. */
export async function attemptUnit(check: UnitCheck, host: CheckedHost, signal: AbortSignal): Promise<Answer> {
  const result = await host.runner.run(["systemctl", "is-active", "--", check.unit], {
    signal,
    timeoutMs: check.timeoutMs,
  });
  const state = result.stdout.trim();
  return { passed: state === "active", seen: state === "" ? result.stderr.trim() : state };
}
