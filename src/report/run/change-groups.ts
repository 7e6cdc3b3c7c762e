import type { Goal } from "#hive";
import { activates, persistsAfterReboot } from "#hive";
import type { ChangeRow } from "../plan/change-rows.ts";
import { changeRows } from "../plan/change-rows.ts";
import type { HostState, RunState } from "./run-state.ts";

/** A change, and the hosts that it is for. */
export interface ChangeGroup {
  readonly rows: readonly ChangeRow[];
  /** In the order of the run. */
  readonly hosts: readonly HostState[];
}

/** What changed, the same on several hosts once; what most hosts have comes first. */
export function changeGroups({ hosts, changes }: RunState): readonly ChangeGroup[] {
  const groups = new Map<string, HostState[]>();
  for (const host of hosts.values()) {
    if (host.change === undefined) continue;
    const group = groups.get(host.change) ?? [];
    group.push(host);
    groups.set(host.change, group);
  }
  return Array.from(groups, ([id, group]) => ({ rows: changeRows(changes.get(id) ?? {}), hosts: group }))
    .filter(({ rows }) => rows.length > 0)
    .sort((one, other) => other.hosts.length - one.hosts.length);
}

/** The hosts that got something new and of which nothing is told; none of a run that tells of none at all. */
export function untoldHosts({ hosts }: RunState, groups: readonly ChangeGroup[]): readonly string[] {
  if (groups.length === 0) return [];
  const told = new Set(groups.flatMap((group) => group.hosts));
  return [...hosts.values()]
    .filter((host) => host.report?.outcome === "deployed" && !told.has(host))
    .map(({ name }) => name);
}

/** `What changed`, unless the goal changes nothing that a host runs or boots. */
export function changesTitle(goal: Goal): string {
  return activates(goal) || persistsAfterReboot(goal) || goal === "secrets" ? "What changed" : "What would change";
}

/** `packages: 40 up, 60 rebuilt; units: 2 restart; reboot needed` */
export function countsText(rows: readonly ChangeRow[]): string {
  const sections = new Map<string, Map<string, number>>();
  for (const { section, verb, names } of rows) {
    const verbs = sections.get(section) ?? new Map<string, number>();
    sections.set(section, verbs.set(verb, (verbs.get(verb) ?? 0) + names.length));
  }
  return Array.from(sections, ([section, verbs]) => {
    if (section === "system" || section === "reboot") return `${section} ${[...verbs.keys()].join(", ")}`;
    return `${section}: ${Array.from(verbs, ([verb, count]) => `${count} ${verb}`).join(", ")}`;
  }).join("; ");
}
