import type { BaselineCheck } from "#hive";
import { globMatches, parseGlob } from "#hive";
import type { Answer } from "./attempt.ts";
import type { CheckedHost } from "./checked-host.ts";
import { readFailedUnits } from "./failed-units.ts";

export async function attemptBaseline(
  check: BaselineCheck,
  host: CheckedHost,
  { failedBefore, signal }: { readonly failedBefore: readonly string[]; readonly signal: AbortSignal },
): Promise<Answer> {
  const failed = await readFailedUnits(host, { signal, timeoutMs: check.timeoutMs });
  const news = failed.filter((unit) => !failedBefore.includes(unit) && !isIgnored(unit, check));
  if (news.length > 0) return { passed: false, seen: `failed: ${news.join(", ")}` };
  if (failed.length === 0) return { passed: true, seen: "no failed unit" };
  return { passed: true, seen: failedBefore.length > 0 ? "no newly failed unit" : "no failed unit but ignored ones" };
}

function isIgnored(unit: string, { ignore }: BaselineCheck): boolean {
  return ignore.some((text) => {
    const glob = parseGlob(text);
    return "parts" in glob && globMatches(glob, unit);
  });
}
