import type { RolloutReport } from "#rollout";
import { isAsWanted } from "#rollout";

/** What a run is asked for on standard output: `HOST PATH` of each host that was built, where that was the goal. */
export function resultLines({ goal, hosts }: RolloutReport): string {
  if (goal !== "build") return "";
  return hosts
    .filter((host) => host.to !== undefined && isAsWanted(host))
    .map(({ host, to }) => `${host} ${to ?? ""}\n`)
    .join("");
}
