import type { UnitCheck } from "#hive";
import type { Answer } from "./attempt.ts";
import type { CheckedHost } from "./checked-host.ts";

const PROPERTIES = ["LoadState", "ActiveState", "NRestarts", "InvocationID"];

/** systemd's word for a unit is active, reloading, inactive, failed, activating or deactivating. */
export async function attemptUnit(check: UnitCheck, host: CheckedHost, signal: AbortSignal): Promise<Answer> {
  const result = await host.runner.run(["systemctl", "show", "-p", PROPERTIES.join(","), "--", check.unit], {
    signal,
    timeoutMs: check.timeoutMs,
  });
  const values = new Map(result.stdout.split("\n").map((line) => splitAtEquals(line)));
  const state = values.get("ActiveState") ?? "";
  if (state === "") return { passed: false, seen: result.stderr.trim() === "" ? "no answer" : result.stderr };
  if (state !== "active") {
    return { passed: false, seen: values.get("LoadState") === "not-found" ? "there is no such unit" : state };
  }
  const invocation = values.get("InvocationID") ?? "";
  return { passed: true, seen: state, unitRun: { invocation, restarts: Number(values.get("NRestarts") ?? 0) } };
}

function splitAtEquals(line: string): [key: string, value: string] {
  const equals = line.indexOf("=");
  return [line.slice(0, equals), line.slice(equals + 1).trim()];
}
