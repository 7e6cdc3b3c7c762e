import { formatBytes, formatDuration } from "#core";
import type { FleetPlan, HostPlan, PlannedHostChange, PlanWave } from "#rollout";
import { plainLine } from "../text/plain-text.ts";
import { describeChange } from "../text/system-text.ts";
import { counted } from "../text/words.ts";

/** `plan 20260131-142501-3f9a: switch of 3 hosts of fleet at 0123456789ab, by ann@laptop`. */
export function headline({ id, goal, hosts, hive, revision, madeBy }: FleetPlan): string {
  const at =
    revision.revision === null ? "" : ` at ${revision.revision.slice(0, 12)}${revision.dirty ? ", changed" : ""}`;
  return plainLine(`plan ${id}: ${goal} of ${counted(hosts.length, "host")} of ${hive}${at}, by ${madeBy}`);
}

/** `2 to change, 1 unchanged, 1 that cannot be planned`. */
export function planVerdict({ goal, hosts }: FleetPlan): string {
  const count = (status: HostPlan["status"]): number => hosts.filter((host) => host.status === status).length;
  const parts = [
    ...(count("changes") > 0 ? [`${count("changes")} to change`] : []),
    ...(count("unchanged") > 0 ? [`${count("unchanged")} unchanged`] : []),
    ...(count("failed") > 0 ? [`${count("failed")} that cannot be planned`] : []),
  ];
  const nothing = count("changes") + count("failed") === 0 ? ": there is nothing to do" : "";
  return `${goal}: ${parts.join(", ")}${nothing}`;
}

/** Whether waves are worth being told of. */
export function hasWaves({ waves, changes }: FleetPlan): boolean {
  return changes.length > 0 && (waves.length > 1 || waves.some(({ gate, soakMs }) => gate !== null || soakMs > 0));
}

const GATES = {
  command: "its command agrees",
  function: "its function agrees",
  confirm: "a person agrees",
} as const satisfies Record<NonNullable<PlanWave["gate"]>, string>;

/** How a wave goes: `once a person agrees, soak 5 min 00 s`. */
export function waveText({ soakMs, pauseMs, gate }: PlanWave, { isLast }: { readonly isLast: boolean }): string {
  return [
    ...(gate === null ? [] : [`once ${GATES[gate]}`]),
    ...(soakMs > 0 ? [`soak ${formatDuration(soakMs)}`] : []),
    ...(pauseMs > 0 && !isLast ? [`then a pause of ${formatDuration(pauseMs)}`] : []),
  ].join(", ");
}

/** The cells of a host that changes: its name, wave, system, generation, what is copied, and the closure's size. */
export function hostCells(host: PlannedHostChange, { goal }: Pick<FleetPlan, "goal">): readonly string[] {
  const { from, to, copy, closureSize } = host;
  const toplevel = to.toplevel ?? undefined;
  const system = describeChange(
    { host: host.host, from: from.running ?? undefined, to: toplevel, outcome: "deployed" },
    { detail: "short", touchesHost: true },
  );
  const isNew = to.generation !== from.generation && goal !== "secrets";
  const generation = isNew
    ? `${from.generation ?? "none"} -> ${to.generation ?? "none"}`
    : String(from.generation ?? "");
  const { before, after } = closureSize;
  const size =
    after === null
      ? ""
      : before === null || before === after
        ? formatBytes(after)
        : `${formatBytes(before)} -> ${formatBytes(after)}`;
  const copied = copy.paths === 0 ? "" : `${counted(copy.paths, "path")}, ${formatBytes(copy.bytes)}`;
  return [host.host, host.wave, system, generation, copied, size];
}

export const HOST_HEADS = ["HOST", "WAVE", "SYSTEM", "GENERATION", "COPY", "CLOSURE"] as const;

/** The hosts of each change, in the order of the plan. */
export function hostsByChange({ hosts, changes }: FleetPlan): readonly (readonly PlannedHostChange[])[] {
  return changes.map((_, number) =>
    hosts.flatMap((host) => (host.status === "changes" && host.change === number ? [host] : [])),
  );
}

/** Hosts that must have ended well before others begin: `web-1 after db-1, db-2`; what is the same is said once. */
export function orderTexts({ hosts, changes }: FleetPlan): readonly string[] {
  if (changes.length === 0) return [];
  const groups = new Map<string, string[]>();
  for (const { host, after } of hosts) {
    if (after.length === 0) continue;
    const key = after.join(", ");
    groups.set(key, [...(groups.get(key) ?? []), host]);
  }
  return Array.from(groups, ([before, names]) => `${names.join(", ")} after ${before}`);
}
