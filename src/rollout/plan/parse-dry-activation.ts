import type { UnitActions } from "#native";

/**
 * What NixOS's `switch-to-configuration dry-activate` says it would do to units; other lines are passed over. It says
 * `would restart the following units: web.service, db.service`, and for what it leaves alone `would NOT …`.
 */
export function parseDryActivation(lines: readonly string[]): UnitActions {
  const actions = { stop: [] as string[], reload: [] as string[], restart: [] as string[], start: [] as string[] };
  for (const line of lines) {
    const [, verb, list] = /^would (stop|reload|restart|start) the following units: (.+)$/.exec(line) ?? [];
    if (verb === undefined || list === undefined) continue;
    const into = actions[verb as keyof UnitActions];
    for (const unit of list.split(", ")) if (!into.includes(unit)) into.push(unit);
  }
  return actions;
}
