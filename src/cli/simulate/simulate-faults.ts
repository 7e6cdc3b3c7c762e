import { formatDuration } from "#core";
import type { Fault, SimulatedRollout, Struck } from "#simulation";

/** What became of a fault: it struck while the run went on; the run was over before; it never came to it. */
export interface FaultStory {
  readonly kind: Fault["kind"];
  readonly host: string | undefined;
  /** Milliseconds since the run began; undefined for what is there from the start, and for what never struck. */
  readonly atMs: number | undefined;
  readonly missed: string | undefined;
}

/** Tells of each fault whether it struck, and when. */
export function tellFaults({ faults, hosts }: SimulatedRollout, durationMs: number): readonly FaultStory[] {
  return faults.map((struck) => {
    const { fault } = struck;
    const host = "host" in fault ? fault.host : undefined;
    const end = host === undefined ? undefined : hosts.get(host);
    const isTouched = end === undefined || end.wasActivated;
    const isSkipped = end?.outcome === "skipped";
    const missed = whyMissed(struck, { isTouched, isSkipped, durationMs });
    const isFromStart = "host" in fault && !("when" in fault);
    return { kind: fault.kind, host, atMs: missed !== undefined || isFromStart ? undefined : struck.atMs, missed };
  });
}

function whyMissed(
  { fault, atMs }: Struck,
  {
    isTouched,
    isSkipped,
    durationMs,
  }: { readonly isTouched: boolean; readonly isSkipped: boolean; readonly durationMs: number },
): string | undefined {
  if (atMs === undefined) {
    if (isSkipped) return "the host was skipped";
    const step = "when" in fault && fault.when !== undefined && "step" in fault.when ? fault.when.step : "time for it";
    return `no ${step} came`;
  }
  if (atMs > durationMs) return "the run was over";
  if (isTouched || "when" in fault || fault.kind === "cannot-open-secrets") return undefined;
  return isSkipped ? "the host was skipped" : "nothing was activated";
}

/** A line for each kind of fault that struck, and one for each reason why some did not; of many hosts the first few. */
export function faultLines(faults: readonly FaultStory[], { most }: { readonly most: number }): readonly string[] {
  const width = Math.max(0, ...faults.map(({ kind }) => kind.length));
  return [...group(faults).values()].map((ones) => {
    const [first] = ones;
    if (first === undefined) return "";
    const names = ones.map(({ host, atMs }) => {
      const when = atMs === undefined ? "" : `at ${formatDuration(atMs)}`;
      return [host, when].filter(Boolean).join(" ");
    });
    const list = inShort(names, most);
    const how = first.missed === undefined ? "" : `never struck, ${first.missed}: `;
    return `fault ${first.kind.padEnd(width)}  ${how}${list}`.trimEnd();
  });
}

function group(faults: readonly FaultStory[]): ReadonlyMap<string, readonly FaultStory[]> {
  const groups = new Map<string, FaultStory[]>();
  for (const one of faults) {
    const key = `${one.kind} ${one.missed ?? ""}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [one]);
    else known.push(one);
  }
  return groups;
}

/** `a, b, c and 7 more`. */
export function inShort(names: readonly string[], most: number): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}
